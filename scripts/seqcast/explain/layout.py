"""Where the window of a region lies, and which of its bins and bases are meant."""

from dataclasses import dataclass

import numpy as np

from seqcast.data import Dataset
from seqcast.explain.regions import Region


@dataclass(frozen=True)
class Layout:
    """A window of `window` bases from base `start` of a chromosome on.

    `bins` are those that are explained, counted from its start, cropped ones too; `positions` the
    bases that get values.
    """

    start: int
    window: int
    bins: list[int]
    positions: slice

    @classmethod
    def from_region(cls, region: Region, dataset: Dataset, window: int, radius: int) -> "Layout":
        """Lay a window so that a region's summit is in its middle, its bins on the dataset's.

        It has `window` bases, or more where the region is wider. At a contig's ends it is moved
        inside, as those of whole genomes are. Bins that touch the bases up to `radius` from the
        summit are explained, those of the contig.
        """
        size, margin = dataset.bin_size, dataset.crop
        bins = max(window // size, -(-(region.end - region.start) // size) + 2 * margin + 1)
        grid, length = _find_grid(region, dataset)
        here, whole = (region.summit - grid) // size, -(-(length - grid) // size)
        first = min(max(here - bins // 2, -margin), max(whole + margin - bins, -margin))
        start = first * size + grid
        low = max((region.summit - radius - start) // size, margin, -first)
        high = min((region.summit + radius - start) // size, bins - margin - 1, whole - first - 1)
        positions = slice(region.start - start, region.end - start)
        return cls(start, bins * size, list(range(low, high + 1)), positions)

    def read_codes(self, region: Region, dataset: Dataset) -> np.ndarray:
        """Return the window's sequence, (window,) uint8, N outside of what the dataset knows."""
        return dataset.sequence(region.contig, self.start, self.start + self.window)

    def read_observed(self, region: Region, dataset: Dataset, target: int) -> float:
        """Return the mean observed coverage of the bins that are explained, NaN where unknown."""
        contigs, size = dataset.contigs, dataset.bin_size
        at = _find_contig(region, dataset)
        if at is None:
            return float("nan")
        first = (self.start - int(contigs.offset[at])) // size
        bins = np.array(self.bins) + first
        bins = bins[(bins >= 0) & (bins < -(-int(contigs.length[at]) // size))]
        return float(dataset.read_bins(int(contigs.first_bin[at]) + bins, target).mean())


def _find_contig(region: Region, dataset: Dataset) -> int | None:
    """Return the piece of a chromosome that a summit lies on, None where there is none."""
    contigs = dataset.contigs
    is_there = np.array(contigs.place_name) == region.contig
    is_there &= (contigs.offset <= region.summit) & (
        region.summit < contigs.offset + contigs.length
    )
    found = np.flatnonzero(is_there)
    return int(found[0]) if len(found) else None


def _find_grid(region: Region, dataset: Dataset) -> tuple[int, int]:
    """Return where a chromosome's bins begin, and its length."""
    contigs, at = dataset.contigs, _find_contig(region, dataset)
    is_there = np.array(contigs.place_name) == region.contig
    ends = np.maximum(contigs.offset + contigs.length, contigs.chrom_length)[is_there]
    grid = 0 if at is None else int(contigs.offset[at]) % dataset.bin_size
    return grid, int(ends.max())
