"""Go through a genome once: what its files agree on, and what its tracks hold."""

import math

import numpy as np

from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.data import pool_cells
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow, find_strand_pairs
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.genome.planning import Plan, find_share, find_touched, make_plan
from seqcast.sources.genome.reading import Contig, find_unknown, make_readings
from seqcast.sources.genome.scaling import BinStatistics
from seqcast.sources.genome.tracks import read_cells


def open_genome(settings: GenomeSettings, inputs: Inputs) -> tuple[Layout, Plan]:
    """Read what the files agree on and plan the windows; raise `SeqcastError` where they do not."""
    layout = read_layout(settings, inputs)
    if layout.refusals:
        raise SeqcastError("\n".join(layout.refusals))
    return layout, plan_windows(settings, layout, inputs.rows)


def make_targets(settings: GenomeSettings, rows: tuple[TargetRow, ...]) -> Targets:
    """Make the targets table from the user's; a scale that it lacks is NaN, to be filled in."""
    whole = ("max", "median")
    return Targets(
        identifier=tuple(row.identifier for row in rows),
        description=tuple(row.description or row.identifier for row in rows),
        strand_pair=find_strand_pairs(rows),
        scale=tuple(math.nan if row.scale is None else row.scale for row in rows),
        units=tuple(row.units for row in rows),
        sum_stat=tuple(row.sum_stat for row in rows),
        clip_soft=tuple(row.clip_soft for row in rows),
        clip=tuple(row.clip for row in rows),
        span=tuple(1 if row.sum_stat in whole else settings.bin_size for row in rows),
    )


def plan_windows(settings: GenomeSettings, layout: Layout, rows: tuple[TargetRow, ...]) -> Plan:
    """Plan the windows of a run; with `missing: unknown` those of which some target knows a bin.

    For these the entries of the tracks are read, of each contig those of as many tracks as it takes
    to know its windows. Raises `SeqcastError` where a part has no windows.
    """
    plan = make_plan(settings, layout)
    if settings.missing == "zero":
        return plan
    return plan.without(_find_unknown_windows(settings, layout, plan, rows), "no entries")


def _find_unknown_windows(
    settings: GenomeSettings, layout: Layout, plan: Plan, rows: tuple[TargetRow, ...]
) -> np.ndarray:
    """Return which windows have no bin that any target knows, (windows,) bool."""
    unknown = np.ones(len(plan.windows), dtype=bool)
    with progress(sum(plan.lengths.values()), "looking for entries", "bases") as bar:
        for contig, (name, length) in enumerate(plan.lengths.items()):
            # Windows lie contig by contig, as `make_plan` has them.
            here = slice(*np.searchsorted(plan.windows["contig"], [contig, contig + 1]))
            hidden = find_unknown(settings, layout.fasta.codes(name), layout.mask.get(name))
            of_contig = {name: length}
            readings = make_readings(settings, layout.tracks, rows, of_contig, settings.cell)
            for _, reading in readings:
                if not unknown[here].any():
                    break
                cells = np.isnan(read_cells(reading).values) | hidden
                known = ~cells.reshape(-1, settings.bin_size // settings.cell).any(axis=1)
                unknown[here] &= find_share(known, plan.windows[here], settings.bin_size) == 0
            bar.update(length)
    return unknown


class Survey:
    """Statistics of a genome's bins while its contigs go by.

    They are over the bins of the train windows, each bin once; with folds over those of all
    windows.
    """

    def __init__(self, settings: GenomeSettings, plan: Plan, targets: Targets) -> None:
        self._settings, self._plan, self._place = settings, plan, 0
        self._sum_stat = targets.sum_stat
        most = sum(length // settings.bin_size for length in plan.lengths.values())
        self.statistics = BinStatistics(len(targets), most, settings.clip_quantile)

    def add(self, contig: Contig) -> None:
        """Look at the next contig."""
        plan, settings = self._plan, self._settings
        # Windows lie contig by contig, as `make_plan` has them.
        here = slice(*np.searchsorted(plan.windows["contig"], [self._place, self._place + 1]))
        windows = plan.windows[here]
        self._place += 1
        train = np.isin(windows["split"], np.flatnonzero((plan.folds == 0).any(axis=0)))
        spans = np.stack([windows["start"][train], windows["end"][train]], axis=1)
        cells = contig.coverage.reshape(-1, settings.bin_size // settings.cell, len(self._sum_stat))
        used = find_touched(spans, settings.bin_size, len(cells))
        self.statistics.add(pool_cells(cells[used], self._sum_stat))
