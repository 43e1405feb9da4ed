"""Predicted beside observed coverage: what every picture of many bins is drawn from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqcast.data import Dataset
from seqcast.data.predictions import Predictions, Stitch

# Values that are kept, and bytes of each file that are read, at most: pictures need no more.
MOST_VALUES = 1 << 24
MOST_BYTES = 1 << 29
_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class Pairs:
    """Observed and predicted coverage on the same bins, (bins, targets) float32 each.

    `targets` are indices into the targets table, `mean` (targets,) their training means, `bins`
    numbers of the dataset's bins, ascending, out of `total` that could have been read. Where a bin
    is read as a window predicts it, `distance` (bins,) is how far its centre lies from the
    window's, in bases.
    """

    targets: tuple[int, ...]
    mean: np.ndarray
    bins: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray
    total: int
    distance: np.ndarray | None = None

    @property
    def is_sample(self) -> bool:
        """Say whether bins were left out."""
        return len(self.bins) < self.total

    def known(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return observed and predicted coverage where both are finite, (bins,) float64 each."""
        observed, predicted = self.observed[:, column], self.predicted[:, column]
        known = np.isfinite(observed) & np.isfinite(predicted)
        return observed[known].astype(float), predicted[known].astype(float)


def read_pairs(
    dataset: Dataset, predictions: Predictions, targets: Sequence[int], most: int | None = None
) -> Pairs:
    """Read targets on each predicted bin once, overlapping windows averaged as in the metrics.

    Of more than `most` bins a random sample is read, always the same one. None: as many as fit.
    """
    stitch = Stitch(predictions, dataset)
    indices = _sample(len(stitch.bins), _limit(dataset, targets, most))
    bins = stitch.bins[indices]
    bins_NB = _number_bins(dataset, predictions)
    chosen = np.zeros(dataset.bins, dtype=bool)
    chosen[bins] = True
    window, offset = np.nonzero(chosen[bins_NB])
    values_PT = _read_predicted(predictions, window, offset, targets)
    values_NB = np.zeros(bins_NB.shape, dtype=np.float32)
    predicted = np.empty((len(bins), len(targets)), dtype=np.float32)
    for column in range(len(targets)):
        values_NB[window, offset] = values_PT[:, column]
        predicted[:, column] = stitch.average(values_NB)[indices]
    observed = _read_observed(dataset, predictions, bins, targets)
    mean = dataset.targets.mean_T[list(targets)]
    return Pairs(tuple(targets), mean, bins, observed, predicted, len(stitch.bins))


def read_window_pairs(
    dataset: Dataset, predictions: Predictions, targets: Sequence[int], most: int | None = None
) -> Pairs:
    """Read targets as each window predicts them, also near its ends, with the distances there.

    A bin that two windows predict comes twice. Sampled as `read_pairs` does.
    """
    bins_NB = _number_bins(dataset, predictions)
    indices = _sample(bins_NB.size, _limit(dataset, targets, most))
    window, offset = np.divmod(indices, bins_NB.shape[1])
    bins = bins_NB[window, offset]
    predicted = _read_predicted(predictions, window, offset, targets)
    distance = np.abs(offset + 0.5 - bins_NB.shape[1] / 2) * dataset.bin_size
    order = np.argsort(bins, kind="stable")
    observed = _read_observed(dataset, predictions, bins[order], targets)
    return Pairs(
        tuple(targets),
        dataset.targets.mean_T[list(targets)],
        bins[order],
        observed,
        predicted[order],
        bins_NB.size,
        distance[order],
    )


def _limit(dataset: Dataset, targets: Sequence[int], most: int | None) -> int:
    """Return how many bins to read: with those of their groups, targets take memory and time."""
    fits = min(MOST_VALUES // max(len(targets), 1), MOST_BYTES // (4 * len(dataset.targets)))
    return max(1, fits if most is None else min(most, fits))


def _sample(count: int, most: int) -> np.ndarray:
    """Return at most `most` of the numbers below `count`, ascending.

    A fixed step would hit the same bins of every window.
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False, shuffle=False))


def _number_bins(dataset: Dataset, predictions: Predictions) -> np.ndarray:
    """Return the number of each predicted bin in the dataset, (windows, bins)."""
    first = dataset.first_bin_of(predictions.rows)
    return first[:, None] + np.arange(predictions.bins)


def _read_predicted(
    predictions: Predictions, window: np.ndarray, offset: np.ndarray, targets: Sequence[int]
) -> np.ndarray:
    """Read predictions at bins of windows (bins,), windows ascending; (bins, targets)."""
    values = np.empty((len(window), len(targets)), dtype=np.float32)
    for columns, group, inside in _split_targets(targets, predictions):
        for numbers in predictions.split_windows():
            first, last = np.searchsorted(window, (numbers[0], numbers[-1] + 1))
            if first < last:
                found = predictions.read_windows(numbers, group)
                here = (window[first:last] - numbers[0], offset[first:last])
                values[first:last, columns] = found[here][:, inside]
    return values


def _read_observed(
    dataset: Dataset, predictions: Predictions, bins: np.ndarray, targets: Sequence[int]
) -> np.ndarray:
    """Read coverage of bins, (bins, targets), block by block."""
    values = np.empty((len(bins), len(targets)), dtype=np.float32)
    cells = dataset.bin_size // dataset.resolution + 1
    for columns, group, inside in _split_targets(targets, predictions):
        size = max(1, _BLOCK_BYTES // (4 * cells * (group.stop - group.start)))
        for first in range(0, len(bins), size):
            part = slice(first, first + size)
            values[part, columns] = dataset.read_bins(bins[part], group)[:, inside]
    return values


def _split_targets(
    targets: Sequence[int], predictions: Predictions
) -> Iterator[tuple[np.ndarray, slice, np.ndarray]]:
    """Yield which of the targets lie together in files, all of these, and which of them they are.

    Only groups that hold some of the targets are yielded.
    """
    wanted = np.array(targets, dtype=np.int64)
    for group in predictions.predicted.groups:
        columns = np.flatnonzero((group.start <= wanted) & (wanted < group.stop))
        if len(columns):
            yield columns, group, wanted[columns] - group.start
