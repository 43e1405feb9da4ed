"""Sequences that mean nothing, for motifs to be put into."""

from collections.abc import Iterator

import numpy as np

from seqcast.data import Dataset
from seqcast.genome.codes import N
from seqcast.genome.shuffle import shuffle_dinucleotides

# So many windows a background are drawn; the quieter half of them is taken.
_DRAWN = 2
# A window of more N is taken only where there are no others.
_MOST_N = 0.05


def choose_windows(dataset: Dataset, count: int, seed: int) -> np.ndarray:
    """Choose windows to make backgrounds of, (count,) rows of the windows table.

    Of twice as many, drawn from those that are not for training, the half whose highest bins are
    the lowest; where there are not as many, each is taken more than once.
    """
    held_out = np.concatenate([dataset.rows_of("valid"), dataset.rows_of("test")])
    rows = held_out if len(held_out) else dataset.rows_of("all")
    drawn = np.random.default_rng(seed).permutation(rows)[: _DRAWN * count]
    known = [row for row in drawn if np.mean(dataset.codes_of(row) == N) <= _MOST_N]
    known = known or drawn.tolist()
    highest = [_find_highest(dataset, row) for row in known]
    quiet = np.array(known)[np.argsort(highest, kind="stable")][: -(-len(known) // _DRAWN)]
    return np.resize(quiet, count)


def _find_highest(dataset: Dataset, row: int) -> float:
    """Return the mean over targets of a window's highest bin, in units of a target's mean."""
    coverage_NT = np.nan_to_num(dataset.coverage_of(row)) / dataset.targets.mean_T
    return float(coverage_NT.max(0).mean())


def make_backgrounds(dataset: Dataset, count: int, seed: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield backgrounds, (window,) codes each, and the base that motifs' middles are put on.

    They are windows whose bases are shuffled, with the counts of all pairs of neighbours kept
    (`genome.shuffle`). The base is one of the bin right of the window's middle, by chance, so that
    what is found does not hang on where in a bin a motif lies.
    """
    for number, row in enumerate(choose_windows(dataset, count, seed).tolist()):
        yield make_background(dataset, row, seed, number)


def make_background(dataset: Dataset, row: int, seed: int, number: int) -> tuple[np.ndarray, int]:
    """Make the background of a number of a window; see `make_backgrounds`."""
    rng = np.random.default_rng([seed, number])
    codes = shuffle_dinucleotides(dataset.codes_of(row), rng)
    size = dataset.bin_size
    return codes, len(codes) // size // 2 * size + int(rng.integers(size))
