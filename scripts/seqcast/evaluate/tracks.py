"""Predicted and observed coverage of one target at a time, each bin once."""

from functools import partial

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.by_target import MEMORY, ByTarget, join_groups, read_observed
from seqcast.data.predictions import Predictions, Stitch


class Tracks:
    """Predicted and observed coverage on the bins that any window predicts.

    `bins` are the numbers of the dataset's bins, ascending. Targets are to be read in their order,
    or against it: `groups` of them are read together, as many as fit into `memory` bytes, and at
    least one.
    """

    def __init__(self, predictions: Predictions, dataset: Dataset, memory: int = MEMORY) -> None:
        self._stitch = Stitch(predictions, dataset)
        self.bins = self._stitch.bins
        size = 4 * len(predictions.rows) * predictions.bins
        self.groups = join_groups(predictions.find_groups(memory), size, memory)
        self._predicted = ByTarget(self.groups, partial(_read_predicted, predictions))
        self._observed = ByTarget(self.groups, partial(read_observed, dataset, self.bins))

    def read(self, target: int) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted (float64) and observed (float32) coverage of a target, (bins,) each."""
        return self._stitch.average(self._predicted[target]), self._observed[target]

    def read_windows(self, target: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the same window by window as it was predicted, (windows, bins) each."""
        return self._predicted[target], self._stitch.cut(self._observed[target])


class Control:
    """Coverage that is predicted of some windows once they are shuffled, and their observed one."""

    def __init__(self, control: Predictions, dataset: Dataset, tracks: Tracks) -> None:
        self._stitch = Stitch(control, dataset)
        self._inside = np.searchsorted(tracks.bins, self._stitch.bins)
        self._predicted = ByTarget(control.find_groups(), partial(_read_predicted, control))

    def read(self, target: int, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted and observed coverage of a target, given all of what was observed."""
        return self._stitch.average(self._predicted[target]), observed[self._inside]


def _read_predicted(predictions: Predictions, targets: slice) -> np.ndarray:
    """Read predictions, (targets, windows, bins); refuse what no prediction can be."""
    values = predictions.read(targets)
    wrong = int(values.size - np.count_nonzero((values >= 0) & np.isfinite(values)))
    if wrong:
        raise SeqcastError(
            f"{predictions.path}: {wrong:,} predicted values are negative or not finite, wanted"
            " coverage; the training may have diverged: look at its history, then run `snakemake"
            " predict` again"
        )
    return values


def number_blocks(bins: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return the block of each bin, (bins,), counted from 0; bins are ascending.

    Every stretch of neighbouring bins of a contig is cut into blocks as long as a window predicts;
    the last one may be shorter. Windows that do not overlap are their own blocks.
    """
    if not len(bins):
        return np.zeros(0, dtype=np.int64)
    contig = np.searchsorted(dataset.contigs.first_bin, bins, side="right")
    starts = np.ones(len(bins), dtype=bool)
    starts[1:] = (np.diff(bins) > 1) | (np.diff(contig) > 0)
    first = np.flatnonzero(starts)
    offset = np.arange(len(bins)) - first[np.cumsum(starts) - 1]
    return np.cumsum(starts | (offset % dataset.output_bins == 0)) - 1
