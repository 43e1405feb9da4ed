"""Which windows a training step sees, and how they are moved.

All of it is a pure function of (seed, epoch, index), whatever came before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcast.data import Dataset
from seqcast.settings import TrainSettings


def make_order(seed: int, epoch: int, windows: int, size: int | None = None) -> np.ndarray:
    """Return which windows an epoch sees, in their order, (size,); all of them where it is None.

    Round after round goes through all windows, each once; an epoch goes on where the last stopped.
    """
    size = windows if size is None else size
    first, stop = epoch * size, (epoch + 1) * size
    rounds = range(first // windows, -(-stop // windows))
    orders = [np.random.default_rng([seed, each, 0]).permutation(windows) for each in rounds]
    return np.concatenate(orders)[first - rounds.start * windows :][:size]


def make_shifts(seed: int, epoch: int, windows: int, max_shift: int) -> np.ndarray:
    """Return by how many bases each window's sequence is rolled in an epoch."""
    rng = np.random.default_rng([seed, epoch, 1])
    return rng.integers(-max_shift, max_shift, windows, endpoint=True)


def make_noise(seed: int, epoch: int, windows: int) -> np.ndarray:
    """Return the number that decides what dropout drops of each window, (windows,) int32."""
    rng, span = np.random.default_rng([seed, epoch, 2]), np.iinfo(np.int32)
    return rng.integers(span.min, span.max, windows, dtype=np.int32, endpoint=True)


def make_jitter(
    seed: int, epoch: int, left: np.ndarray, right: np.ndarray, max_jitter: int, step: int = 1
) -> np.ndarray:
    """Return by how many bases each window is moved, sequence and coverage together.

    Multiples of `step` up to `max_jitter` and no further than the room `left` and `right`, each as
    likely as any other: windows at a contig's ends do not gather there.
    """
    most = max_jitter // step
    low, high = -np.minimum(left // step, most), np.minimum(right // step, most)
    drawn = np.random.default_rng([seed, epoch, 3]).random(len(left))
    return (low + np.floor(drawn * (high - low + 1)).astype(np.int64)) * step


def find_step(dataset: Dataset) -> int:
    """Return the bases that windows move by: one, or a cell where cells are coarse.

    Coverage between two cells is made of both, which blurs it unless cells are much finer than
    bins.
    """
    return 1 if 4 * dataset.resolution <= dataset.bin_size else dataset.resolution


def make_flips(seed: int, epoch: int, windows: int) -> np.ndarray:
    """Return which windows are read from the other strand in an epoch, each with a half chance."""
    return np.random.default_rng([seed, epoch, 4]).random(windows) < 0.5


@dataclass(frozen=True)
class Epoch:
    """What becomes of each window in an epoch, in the order of the epoch; all are (windows,).

    The sequence is that of the row `rows`, moved by `moves` bases and rolled by `rolls`; the
    coverage is that of `coverage_rows`, moved by `coverage_moves`. Both are read from the other
    strand where `flips` says so. `noise` is for dropout.
    """

    rows: np.ndarray
    moves: np.ndarray
    rolls: np.ndarray
    coverage_rows: np.ndarray
    coverage_moves: np.ndarray
    flips: np.ndarray
    noise: np.ndarray

    @classmethod
    def plain(cls, rows: np.ndarray) -> "Epoch":
        """Return windows as they are, in the order of `rows`."""
        zero = np.zeros(len(rows), np.int64)
        return cls(
            rows=rows,
            moves=zero,
            rolls=zero,
            coverage_rows=rows,
            coverage_moves=zero,
            flips=zero,
            noise=zero.astype(np.int32),
        )


def count_windows(rows: np.ndarray, settings: TrainSettings) -> int:
    """Return how many of the training windows an epoch sees."""
    return min(settings.windows_per_epoch or len(rows), len(rows))


def draw_epoch(dataset: Dataset, rows: np.ndarray, settings: TrainSettings, epoch: int) -> Epoch:
    """Draw which training windows an epoch sees, and what becomes of each."""
    seed, count = settings.seed, len(rows)
    order, step = make_order(seed, epoch, count, count_windows(rows, settings)), find_step(dataset)
    moves = make_jitter(seed, epoch, *dataset.room_of(rows), settings.max_jitter, step)
    flips = make_flips(seed, epoch, count) & settings.reverse_complement
    others = rows[_shuffle_coverage_rows(seed, count)] if settings.shuffle_coverage else rows
    coverage_moves = np.zeros_like(moves) if settings.shuffle_coverage else moves
    return Epoch(
        rows=rows[order],
        moves=moves[order],
        rolls=make_shifts(seed, epoch, count, settings.max_shift)[order],
        coverage_rows=others[order],
        coverage_moves=coverage_moves[order],
        flips=flips[order],
        noise=make_noise(seed, epoch, count)[order],
    )


def find_shares(
    windows: int, size: int, first: int = 0, share: tuple[int, int] = (0, 1)
) -> Iterator[tuple[range, int]]:
    """Yield for each batch from the step `first` on which windows are this process's own.

    `share` is the number of this process and how many share each batch. With them comes how many
    windows all processes have in the batch; in the last it may be fewer than `size`.
    """
    for start in range(first * size, windows, size):
        whole = range(start, min(start + size, windows))
        yield whole[share[0] :: share[1]], len(whole)


def _shuffle_coverage_rows(seed: int, windows: int) -> np.ndarray:
    """Return whose coverage each window gets where coverage is shuffled, the same every epoch."""
    return np.random.default_rng([seed, 5]).permutation(windows)
