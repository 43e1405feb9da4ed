"""One target at a time, of files that hold groups of targets together."""

from collections.abc import Callable, Sequence

import numpy as np

from seqcast.data.reading import Dataset

# Bytes of a group's values that are held at a time.
MEMORY = 1 << 28


class ByTarget:
    """The values of one target at a time; those of its group are read with it.

    `read` takes some targets and returns their values, target by target. What was read last stays
    in memory: ask for targets in their order, or against it.
    """

    def __init__(self, groups: Sequence[slice], read: Callable[[slice], np.ndarray]) -> None:
        self._groups, self._read = groups, read
        self._group, self._values = slice(0, 0), np.empty(0)

    def __getitem__(self, target: int) -> np.ndarray:
        """Return the values of a target."""
        if not self._group.start <= target < self._group.stop:
            # What is not needed again makes room first.
            self._values = np.empty(0)
            self._group = next(group for group in self._groups if target < group.stop)
            self._values = self._read(self._group)
        return self._values[target - self._group.start]


def cut_groups(groups: Sequence[slice], size: int, memory: int = MEMORY) -> list[slice]:
    """Cut groups of targets so that each fits into memory, at `size` bytes a target."""
    most = max(1, memory // max(size, 1))
    return [
        slice(first, min(first + most, group.stop))
        for group in groups
        for first in range(group.start, group.stop, most)
    ]


def join_groups(groups: Sequence[slice], size: int, memory: int = MEMORY) -> list[slice]:
    """Put neighbouring groups together as far as they fit into memory, at `size` bytes a target."""
    joined = [groups[0]]
    for group in groups[1:]:
        if size * (group.stop - joined[-1].start) <= memory:
            joined[-1] = slice(joined[-1].start, group.stop)
        else:
            joined.append(group)
    return joined


def read_observed(dataset: Dataset, bins: np.ndarray, targets: slice) -> np.ndarray:
    """Return the coverage of some targets in bins (their numbers), (targets, bins) float32."""
    values = dataset.read_bins(bins, targets).T
    dataset.forget()
    return values
