"""Go through a genome once: what its files agree on, and what its tracks hold."""

import math

import numpy as np

from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.data import pool_cells
from seqcast.data.layout import TRAIN
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow, pair_strands
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.genome.planning import Plan, compute_share, make_plan, mark_touched
from seqcast.sources.genome.reading import Hidden, Piece, make_wanted, mark_unknown
from seqcast.sources.genome.scaling import BinStatistics, Seen
from seqcast.sources.genome.tracks import Stretch, read_cells
from seqcast.sources.genome.unknown import find_unknown_runs


def open_genome(settings: GenomeSettings, inputs: Inputs, threads: int = 1) -> tuple[Layout, Plan]:
    """Read what the files agree on and plan the windows; raise `SeqcastError` where they do not."""
    layout = read_layout(settings, inputs, threads)
    if layout.refusals:
        raise SeqcastError("\n".join(layout.refusals))
    return layout, plan_windows(settings, layout, inputs)


def make_targets(settings: GenomeSettings, rows: tuple[TargetRow, ...]) -> Targets:
    """Make the targets table from the user's; a scale that it lacks is NaN, to be filled in."""
    whole = ("max", "median")
    return Targets(
        identifier=tuple(row.identifier for row in rows),
        description=tuple(row.description or row.identifier for row in rows),
        strand_pair=pair_strands(rows),
        scale=tuple(math.nan if row.scale is None else row.scale for row in rows),
        units=tuple(row.units for row in rows),
        sum_stat=tuple(row.sum_stat for row in rows),
        clip_soft=tuple(row.clip_soft for row in rows),
        clip=tuple(row.clip for row in rows),
        span=tuple(1 if row.sum_stat in whole else settings.bin_size for row in rows),
    )


def plan_windows(settings: GenomeSettings, layout: Layout, inputs: Inputs) -> Plan:
    """Plan the windows of a run; with `missing: unknown` those of which some target knows a bin.

    For these the entries of the tracks are read, of each contig those of as many tracks as it takes
    to know its windows. Raises `SeqcastError` where a part has no windows.
    """
    plan = make_plan(settings, layout, find_unknown_runs(layout.fasta, layout.lengths, inputs.work))
    if settings.missing == "zero":
        return plan
    return plan.without(_find_unknown_windows(settings, layout, plan, inputs.rows), "no entries")


def _find_unknown_windows(
    settings: GenomeSettings, layout: Layout, plan: Plan, rows: tuple[TargetRow, ...]
) -> np.ndarray:
    """Return which windows have no bin that any target knows, (windows,) bool."""
    unknown = np.ones(len(plan.windows), dtype=bool)
    with progress(sum(plan.lengths.values()), "looking for entries", "bases") as bar:
        for contig, (name, length) in enumerate(plan.lengths.items()):
            # Windows lie contig by contig, as `make_plan` has them.
            here = slice(*np.searchsorted(plan.windows["contig"], [contig, contig + 1]))
            mask = layout.mask.get(name)
            hidden = mark_unknown(settings, length, plan.unknown[name], mask)
            for track, row in zip(layout.tracks, rows, strict=True):
                if not unknown[here].any():
                    break
                if name not in track.names:
                    continue
                wanted = make_wanted(settings, track, row, {name: length}, settings.cell)
                reading = wanted.make_reading(name, 0, length)
                cells = np.isnan(read_cells(reading).values) | hidden
                known = ~cells.reshape(-1, settings.bin_size // settings.cell).any(axis=1)
                unknown[here] &= compute_share(known, plan.windows[here], settings.bin_size) == 0
            bar.update(length)
    return unknown


class Survey:
    """Statistics of a genome's bins while pieces of its coverage go by.

    They are over the bins of the train windows, each bin once; with folds over those of all
    windows.
    """

    def __init__(self, settings: GenomeSettings, plan: Plan, targets: Targets) -> None:
        self._bin_size = settings.bin_size
        self._sum_stat = targets.sum_stat
        self._used: dict[str, np.ndarray] = {}
        trained = np.isin(plan.windows["split"], np.flatnonzero((plan.folds == TRAIN).any(axis=0)))
        windows = plan.windows[trained]
        for contig, (name, length) in enumerate(plan.lengths.items()):
            # Windows lie contig by contig, as `make_plan` has them.
            here = windows[slice(*np.searchsorted(windows["contig"], [contig, contig + 1]))]
            spans = np.stack([here["start"], here["end"]], axis=1)
            self._used[name] = mark_touched(spans, self._bin_size, -(-length // self._bin_size))
        most = sum(length // self._bin_size for length in plan.lengths.values())
        self.statistics = BinStatistics(len(targets), most, settings.clip_quantile)

    def look_at(self, piece: Piece, values: np.ndarray) -> list[Seen]:
        """Return what a piece's values hold of the bins, to be added to the `statistics`."""
        cells_TBk = values.reshape(len(values), -1, piece.per_bin)
        used = np.concatenate([self._find_used(each) for each in piece.stretches])
        coverage_TB = pool_cells(cells_TBk, self._sum_stat[piece.targets])
        return self.statistics.look_at(coverage_TB[:, used])

    def _find_used(self, stretch: Stretch) -> np.ndarray:
        first = stretch.start // self._bin_size
        return self._used[stretch.contig][first : first + stretch.count_bins(self._bin_size)]


def mark_hidden(settings: GenomeSettings, layout: Layout, plan: Plan) -> Hidden:
    """Return which cells of the plan's contigs no track can know."""
    hidden = Hidden(settings)
    for name, length in plan.lengths.items():
        hidden.add(name, length, plan.unknown[name], layout.mask.get(name))
    return hidden
