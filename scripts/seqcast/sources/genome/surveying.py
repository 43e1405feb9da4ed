"""Go through a genome once: what its files agree on, and what its tracks hold."""

import math

import numpy as np

from seqcast.dataset import pool_cells
from seqcast.errors import SeqcastError
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow, find_strand_pairs
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.genome.planning import Plan, find_share, find_touched, make_plan
from seqcast.sources.genome.reading import Contig
from seqcast.sources.genome.scaling import BinStatistics
from seqcast.targets import Targets


def open_genome(settings: GenomeSettings, inputs: Inputs) -> tuple[Layout, Plan]:
    """Read what the files agree on and plan the windows; raise `SeqcastError` where they do not."""
    layout = read_layout(settings, inputs)
    if layout.refusals:
        raise SeqcastError("\n".join(layout.refusals))
    return layout, make_plan(settings, layout)


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


class Survey:
    """What is learnt of a genome while its contigs go by: windows without data, statistics.

    `statistics` are over the bins of the train windows that are used, each bin once; with folds
    over those of all windows.
    """

    def __init__(self, settings: GenomeSettings, plan: Plan, targets: Targets) -> None:
        self._settings, self._plan, self._place = settings, plan, 0
        self._sum_stat = targets.sum_stat
        self._empty = np.zeros(len(plan.windows), dtype=bool)
        most = sum(length // settings.bin_size for length in plan.lengths.values())
        self.statistics = BinStatistics(len(targets), most, settings.clip_quantile)

    def add(self, contig: Contig) -> None:
        """Look at the next contig."""
        plan, settings = self._plan, self._settings
        # Windows lie contig by contig, as `make_plan` has them.
        here = slice(*np.searchsorted(plan.windows["contig"], [self._place, self._place + 1]))
        windows = plan.windows[here]
        no_data = find_share(~contig.has_data, windows, settings.bin_size)
        empty = no_data > settings.max_no_data + 1e-9
        self._empty[here] = empty
        self._place += 1
        train = np.isin(windows["split"], np.flatnonzero((plan.folds == 0).any(axis=0)))
        taught = windows[train & ~empty]
        spans = np.stack([taught["start"], taught["end"]], axis=1)
        used = find_touched(spans, settings.bin_size, len(contig.has_data))
        self.statistics.add(self._make_bins(contig.coverage, used))

    def finish(self) -> Plan:
        """Return the plan without the windows that no track has enough of."""
        return self._plan.without(self._empty, "missing data")

    def _make_bins(self, coverage: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Return the coverage of some of a contig's bins."""
        per_bin = self._settings.bin_size // self._settings.cell
        cells = coverage.reshape(len(used), per_bin, -1)[used]
        return pool_cells(cells, self._sum_stat)
