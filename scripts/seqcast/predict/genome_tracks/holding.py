"""Which bins of a genome each fold held out."""

from collections.abc import Iterator

import numpy as np

from seqcast.data import Dataset


class HeldOut:
    """The bins of a dataset's genome that a fold, and so its models, did not see."""

    def __init__(self, dataset: Dataset) -> None:
        size = dataset.bin_size
        chroms, starts, ends = dataset.intervals_of(np.arange(len(dataset.windows)))
        found: dict[str, set[tuple[int, int, int]]] = {}
        for chrom, start, end, fold in zip(
            chroms, starts.tolist(), ends.tolist(), dataset.parts.tolist(), strict=True
        ):
            # Where windows lie between bins of the genome, only bins that they hold whole.
            found.setdefault(chrom, set()).add((-(-start // size), end // size, fold))
        self._windows = {
            chrom: np.array(sorted(windows), dtype=np.int64) for chrom, windows in found.items()
        }

    def find(self, contig: str, first: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield stretches of the bins from `first` to `end`, and the fold that held each out."""
        windows = self._windows.get(contig, np.empty((0, 3), dtype=np.int64))
        here = windows[(windows[:, 0] < end) & (windows[:, 1] > first)]
        for start, stop, fold in here.tolist():
            yield max(start, first), min(stop, end), fold
