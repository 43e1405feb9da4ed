"""`regions.tsv`: what is predicted of each region, a row a region."""

import csv
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seqcast.core.chunks import find_groups
from seqcast.core.console import log
from seqcast.core.disk import written_whole
from seqcast.data.by_target import cut_groups
from seqcast.predict.genome_tracks.joining import Model
from seqcast.predict.genome_tracks.planning import to_span
from seqcast.predict.genome_tracks.tiling import Span
from seqcast.sources.genome.bed import Region

COLUMNS = ("contig", "start", "end", "name")


def write_regions(
    path: Path, regions: Sequence[Region], models: Mapping[str, Model], bin_size: int
) -> None:
    """Write mean predicted coverage of regions, in their order; a column a target and model.

    A bin counts with as many bases as lie in the region. Values are in the units of the tracks;
    a cell is empty where nothing of the region is predicted, as its bases are N.
    """
    targets = next(iter(models.values())).targets
    columns = {}
    for name, model in models.items():
        mean = _Mean(regions, model.spans, bin_size)
        for some in cut_groups(find_groups(len(targets)), 4 * model.plan.bins):
            values_TB = np.concatenate([block.values for block in model.read(some)], axis=1)
            for target, values in enumerate(values_TB, start=some.start):
                average = mean.average(values) / targets.span[target]
                columns[f"{targets.slugs[target]}.{name}"] = average
    with written_whole(path) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([*COLUMNS, *columns])
        for region, *values in zip(regions, *columns.values(), strict=True):
            writer.writerow([*region, *("" if np.isnan(v) else f"{v:.6g}" for v in values)])
    log.info("%s: wrote %s regions", path, f"{len(regions):,}")


class _Mean:
    """Average the bins of regions, by the bases that each has in them."""

    def __init__(self, regions: Sequence[Region], spans: Sequence[Span], bin_size: int) -> None:
        offsets = np.cumsum([0, *(span.bins for span in spans)]).tolist()
        keys = [(span.contig.encode(), span.first) for span in spans]
        found = [to_span(region, bin_size) for region in regions]
        around = [bisect_right(keys, (each.contig.encode(), each.first)) - 1 for each in found]
        moved = [offsets[at] - spans[at].first for at in around]
        self._first = np.cumsum([0, *(span.bins for span in found)])[:-1]
        self._bins = np.concatenate(
            [by + np.arange(span.first, span.end) for by, span in zip(moved, found, strict=True)]
        )
        starts = np.concatenate([np.arange(s.first, s.end) * bin_size for s in found])
        counts = [span.bins for span in found]
        first, end = (
            np.repeat([getattr(r, key) for r in regions], counts) for key in ("start", "end")
        )
        self._bases = np.minimum(starts + bin_size, end) - np.maximum(starts, first)

    def average(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each region, (regions,) float64, NaN where no bin of it is known."""
        here = values[self._bins].astype(np.float64)
        bases = np.where(np.isfinite(here), self._bases, 0)
        total = np.add.reduceat(np.where(bases > 0, here, 0) * bases, self._first)
        weight = np.add.reduceat(bases, self._first)
        return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)
