"""Predicted and observed coverage of one target at a time, each bin once."""

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.predictions import Predictions, Stitch

# Bytes of predictions, and as many of coverage, that are held at a time.
_MEMORY = 1 << 28


class Tracks:
    """Predicted and observed coverage on the bins that any window predicts.

    Files hold the targets of a bin side by side: reading them one by one would go through the
    whole file for each. So as many are read together as fit into `memory` bytes, and at least one.
    `bins` are the numbers of the dataset's bins, ascending.
    """

    def __init__(self, predictions: Predictions, dataset: Dataset, memory: int = _MEMORY) -> None:
        self._predictions, self._dataset, self._memory = predictions, dataset, memory
        self._stitch = Stitch(predictions, dataset)
        self.bins, self.targets = self._stitch.bins, len(dataset.targets)
        values = len(predictions.rows) * predictions.bins
        self._together = int(np.clip(memory // (4 * max(values, 1)), 1, self.targets))
        self._first: int | None = None

    def read(self, target: int) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted (float64) and observed (float32) coverage of a target, (bins,) each."""
        first = target - target % self._together
        if first != self._first:
            group = slice(first, first + self._together)
            self._predicted, self._observed = (
                self._read_predicted(group),
                self._read_observed(group),
            )
            self._first = first
        return self._stitch.average(self._predicted[target - first]), self._observed[target - first]

    def _read_predicted(self, group: slice) -> np.ndarray:
        """Read predictions, (targets, windows, bins); refuse what no prediction can be."""
        source = self._predictions.predicted
        count = min(group.stop, self.targets) - group.start
        values = np.empty((count, *source.shape[:2]), dtype=np.float32)
        for rows in _cut(len(source), self._memory // (4 * source[:1].size + 1)):
            values[:, rows] = np.moveaxis(source[rows, :, group], 2, 0)
        wrong = int(values.size - np.count_nonzero((values >= 0) & np.isfinite(values)))
        if wrong:
            raise SeqcastError(
                f"{self._predictions.path}: {wrong:,} predicted values are negative or not finite,"
                " wanted coverage; the training may have diverged: look at its history, then run"
                " `snakemake predict` again"
            )
        return values

    def _read_observed(self, group: slice) -> np.ndarray:
        """Read coverage, (targets, bins)."""
        count = min(group.stop, self.targets) - group.start
        values = np.empty((count, len(self.bins)), dtype=np.float32)
        for part in _cut(len(self.bins), _bins_at_once(self._dataset, self._memory)):
            values[:, part] = self._dataset.read_bins(self.bins[part])[:, group].T
        return values


def find_blocks(bins: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return the block of each bin, (bins,), counted from 0; bins are ascending.

    Every stretch of neighbouring bins of a contig is cut into blocks as long as a window predicts;
    the last one may be shorter. Windows that do not overlap are their own blocks.
    """
    if not len(bins):
        return np.zeros(0, dtype=np.int64)
    contig = np.searchsorted(dataset.contigs.first_bin, bins, side="right")
    starts = np.ones(len(bins), dtype=bool)
    starts[1:] = (np.diff(bins) > 1) | (np.diff(contig) > 0)
    place = np.flatnonzero(starts)
    offset = np.arange(len(bins)) - place[np.cumsum(starts) - 1]
    return np.cumsum(starts | (offset % dataset.output_bins == 0)) - 1


def _bins_at_once(dataset: Dataset, memory: int) -> int:
    """Return how many bins of all targets fit into memory, cells and all."""
    cells = dataset.bin_size // dataset.resolution
    return memory // (4 * (cells + 1) * len(dataset.targets))


def _cut(length: int, size: int) -> list[slice]:
    size = max(1, size)
    return [slice(first, first + size) for first in range(0, length, size)]
