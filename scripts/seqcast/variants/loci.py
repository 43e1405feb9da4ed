"""Which places of the genome a run's models were trained on, and which were held out."""

import numpy as np

from seqcast.data import SPLITS, Dataset

# Where no window lies.
OUTSIDE = "none"
ANY = -1


class Loci:
    """Say of places which split has them and, with folds, which fold held them out.

    A place counts as a window's wherever the model sees it, cropped bins too.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._is_folded = dataset.folds > 1
        margin = dataset.crop * dataset.bin_size
        chroms, starts, ends = dataset.intervals_of(np.arange(len(dataset.windows)))
        kinds = dataset.parts if self._is_folded else dataset.windows["split"]
        found: dict[str, list[tuple[int, int, int]]] = {}
        for chrom, start, end, kind in zip(
            chroms, (starts - margin).tolist(), (ends + margin).tolist(), kinds.tolist(),
            strict=True,
        ):  # fmt: skip
            found.setdefault(chrom, []).append((start, end, kind))
        self._windows = {chrom: np.array(sorted(each)).T for chrom, each in found.items()}

    def find(self, contig: str, position: int) -> tuple[str, int]:
        """Return split and fold of a base: the only one whose models held it out, or `ANY`."""
        if contig not in self._windows:
            return OUTSIDE, ANY
        starts, ends, kinds = self._windows[contig]
        # All windows have one length: the last that begins before it reaches furthest.
        at = int(np.searchsorted(starts, position, side="right")) - 1
        if at < 0 or position >= ends[at]:
            return OUTSIDE, ANY
        kind = int(kinds[at])
        return ("test", kind) if self._is_folded else (SPLITS[kind], ANY)
