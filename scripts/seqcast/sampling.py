"""Which windows a training step sees, and how they are moved.

All of it is a pure function of (seed, epoch, index), whatever came before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcast.dataset import Dataset


@dataclass(frozen=True)
class Batch:
    """Windows to train on: `codes` (B, L) uint8, `coverage` (B, N, T) float32, scaled."""

    rows: np.ndarray
    codes: np.ndarray
    coverage: np.ndarray


def make_order(seed: int, epoch: int, windows: int) -> np.ndarray:
    """Return the order in which an epoch goes through its windows, each once."""
    return np.random.default_rng([seed, epoch, 0]).permutation(windows)


def make_shifts(seed: int, epoch: int, windows: int, max_shift: int) -> np.ndarray:
    """Return by how many bases each window's sequence is rolled in an epoch."""
    rng = np.random.default_rng([seed, epoch, 1])
    return rng.integers(-max_shift, max_shift, windows, endpoint=True)


def make_dropout_seed(seed: int, epoch: int, step: int) -> int:
    """Return the seed of a step's dropout masks."""
    return int(np.random.SeedSequence([seed, epoch, 2, step]).generate_state(1, np.uint64)[0] >> 1)


def training_batches(
    dataset: Dataset, rows: np.ndarray, *, seed: int, epoch: int, batch_size: int, max_shift: int
) -> Iterator[Batch]:
    """Yield an epoch's batches; the last may be smaller."""
    order = make_order(seed, epoch, len(rows))
    shifts = make_shifts(seed, epoch, len(rows), max_shift)
    for first in range(0, len(order), batch_size):
        places = order[first : first + batch_size]
        # The roll is circular, as the chapter has it; the coverage stays where it is.
        codes = [np.roll(dataset.codes_of(rows[place]), shifts[place]) for place in places]
        yield Batch(rows[places], np.stack(codes), _scaled_coverage(dataset, rows[places]))


def plain_batches(dataset: Dataset, rows: np.ndarray, *, batch_size: int) -> Iterator[Batch]:
    """Yield windows in the order of `rows`, unmoved."""
    for first in range(0, len(rows), batch_size):
        part = rows[first : first + batch_size]
        codes = np.stack([dataset.codes_of(row) for row in part])
        yield Batch(part, codes, _scaled_coverage(dataset, part))


def _scaled_coverage(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return np.stack([dataset.coverage_of(row) for row in rows]) * dataset.targets.scale_T
