"""Sequences that mean nothing, for motifs to be put into."""

from dataclasses import dataclass

import numpy as np

from seqcast.data import Dataset
from seqcast.genome.codes import N
from seqcast.genome.shuffle import shuffle_dinucleotides

# So many windows a background are drawn; the quieter half of them is taken.
_DRAWN = 2
# A window of more N is taken only where there are no others.
_MOST_N = 0.05


@dataclass(frozen=True)
class Backgrounds:
    """Windows whose bases are shuffled, each pair of neighbours as frequent as before.

    `rows` are those of the windows table that they are made of; all follows from the seed.
    """

    dataset: Dataset
    rows: tuple[int, ...]
    seed: int

    @classmethod
    def choose(cls, dataset: Dataset, count: int, seed: int) -> "Backgrounds":
        """Choose so many windows: of twice as many, the half whose highest bins are the lowest.

        They are drawn from those that are not for training. Where there are not as many, each is
        taken more than once.
        """
        held_out = np.concatenate([dataset.rows_of("valid"), dataset.rows_of("test")])
        rows = held_out if len(held_out) else dataset.rows_of("all")
        drawn = np.random.default_rng(seed).permutation(rows)[: _DRAWN * count].tolist()
        known = [row for row in drawn if np.mean(dataset.codes_of(row) == N) <= _MOST_N] or drawn
        highest = [_compute_highest(dataset, row) for row in known]
        quiet = np.array(known)[np.argsort(highest, kind="stable")][: -(-len(known) // _DRAWN)]
        return cls(dataset, tuple(np.resize(quiet, count).tolist()), seed)

    def make(self, number: int) -> tuple[np.ndarray, int]:
        """Make the background of a number, (window,) codes, and return where motifs' middles go.

        That is a base of the bin right of the window's middle, drawn by chance, so that what is
        found does not hang on where in a bin a motif lies.
        """
        rng = np.random.default_rng([self.seed, number])
        codes = shuffle_dinucleotides(self.dataset.codes_of(self.rows[number]), rng)
        size = self.dataset.bin_size
        return codes, len(codes) // size // 2 * size + int(rng.integers(size))


def _compute_highest(dataset: Dataset, row: int) -> float:
    """Return the mean over targets of a window's highest bin, in units of a target's mean."""
    coverage_NT = np.nan_to_num(dataset.coverage_of(row)) / dataset.targets.mean_T
    return float(coverage_NT.max(0).mean())
