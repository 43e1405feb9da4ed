"""Plan which windows of a genome are used, and what each of them is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from seqcast.console import log
from seqcast.dataset import SPLITS, WINDOW_DTYPE, make_folds, make_windows
from seqcast.dataset.layout import ONE_FOLD
from seqcast.errors import SeqcastError
from seqcast.genome import N, tile
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Layout


@dataclass(frozen=True)
class Plan:
    """Contigs to store, by name and length, and windows on them.

    `windows` has the part of each window in `split`; `folds` (folds, parts) says which split a
    part is. `dropped` counts windows left out, by reason and part.
    """

    lengths: Mapping[str, int]
    windows: np.ndarray
    folds: np.ndarray
    dropped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """What the parts are called: the splits, or with folds their numbers."""
        count = self.folds.shape[1]
        return SPLITS if len(self.folds) == 1 else tuple(f"part {n + 1}" for n in range(count))

    def without(self, unwanted: np.ndarray, reason: str) -> "Plan":
        """Return the plan without some windows, (windows,) bool, counted under a reason.

        Raises `SeqcastError` where a part has none left.
        """
        if not unwanted.any():
            return self
        counts = np.bincount(self.windows["split"][unwanted], minlength=len(self.parts))
        found = {name: int(n) for name, n in zip(self.parts, counts, strict=True) if n}
        plan = replace(
            self, windows=self.windows[~unwanted], dropped={**self.dropped, reason: found}
        )
        _check_parts(plan)
        return plan


def settle_resolution(settings: GenomeSettings, rows: tuple[TargetRow, ...]) -> GenomeSettings:
    """Return settings with whole bins stored where a target is a median.

    Raises `SeqcastError` where the config asks for a finer resolution all the same.
    """
    medians = [row.identifier for row in rows if row.sum_stat == "median"]
    if not medians or settings.cell == settings.bin_size:
        return settings
    if settings.resolution is None:
        log.info(
            "%s is a median, so that coverage is stored in whole bins of %d bases",
            medians[0],
            settings.bin_size,
        )
        return settings.model_copy(update={"resolution": settings.bin_size})
    raise SeqcastError(
        f"dataset.resolution is {settings.resolution}, but {len(medians)} targets"
        f" ({medians[0]} ...) are medians, which cannot be made of parts of a bin; set"
        f" dataset.resolution: {settings.bin_size}"
    )


def make_plan(settings: GenomeSettings, layout: Layout) -> Plan:
    """Tile every contig with windows, leave out what holds too little, and give each its part.

    Windows start every `settings.step` bases; a last one ends with the contig's last whole bin.
    Parts are train, valid and test by chromosome, or folds of about as many windows each. A
    contig belongs to one part, so that windows of different parts cannot overlap. Raises
    `SeqcastError` where a part has no windows.
    """
    split = settings.split
    starts = {name: _tile(length, settings) for name, length in layout.lengths.items()}
    bad = {name: _find_bad(settings, layout, name, here) for name, here in starts.items()}
    left = {name: int((~(bad[name][0] | bad[name][1])).sum()) for name in starts}
    if split.folds:
        part, table = _spread_evenly(left, split.folds), make_folds(split.folds)
    else:
        held = dict.fromkeys(split.valid, 1) | dict.fromkeys(split.test, 2)
        part, table = {name: held.get(name, 0) for name in starts}, ONE_FOLD
    kept = [name for name in starts if left[name]]
    place = {name: at for at, name in enumerate(kept)}
    tables = [
        make_windows(
            np.full(len(here), place.get(name, 0)), here, settings.window, part.get(name, 0)
        )
        for name, here in starts.items()
    ]
    plan = Plan(
        {name: layout.lengths[name] for name in kept},
        np.concatenate(tables, dtype=WINDOW_DTYPE) if tables else np.zeros(0, WINDOW_DTYPE),
        table,
    )
    _check_parts(plan)
    much_n, much_masked = (
        np.concatenate([bad[name][kind] for name in starts]) for kind in range(2)
    )
    plan = plan.without(much_n, "N")
    return plan.without((much_masked & ~much_n)[~much_n], "mask")


def find_touched(intervals: np.ndarray, size: int, count: int) -> np.ndarray:
    """Return which of `count` pieces of `size` bases any of (n, 2) intervals touch, bool."""
    steps = np.zeros(count + 1, dtype=np.int64)
    if len(intervals):
        np.add.at(steps, np.minimum(intervals[:, 0] // size, count), 1)
        np.add.at(steps, np.minimum(-(-intervals[:, 1] // size), count), -1)
    return np.cumsum(steps[:-1]) > 0


def find_share(flagged: np.ndarray, windows: np.ndarray, bin_size: int) -> np.ndarray:
    """Return the mean of a contig's bins (bins,) over each of its windows, (windows,)."""
    total = np.concatenate([[0], np.cumsum(flagged, dtype=np.float64)])
    first, last = windows["start"] // bin_size, windows["end"] // bin_size
    return (total[last] - total[first]) / (last - first)


def _tile(length: int, settings: GenomeSettings) -> np.ndarray:
    usable = length // settings.bin_size * settings.bin_size
    starts = tile(usable, settings.window, settings.step)
    return np.unique(np.append(starts, usable - settings.window)) if len(starts) else starts


def _find_bad(
    settings: GenomeSettings, layout: Layout, name: str, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which windows of a contig have too much N, and which too many masked bins."""
    bin_size, windows = settings.bin_size, make_windows(0, starts, settings.window, 0)
    bins = layout.lengths[name] // bin_size
    unknown = layout.fasta.codes(name)[: bins * bin_size] == N
    masked = find_touched(layout.mask.get(name, np.zeros((0, 2), dtype=np.int64)), bin_size, bins)
    share_n = find_share(unknown.reshape(bins, bin_size).mean(axis=1), windows, bin_size)
    share_masked = find_share(masked, windows, bin_size)
    # Means of parts differ from the whole's by rounding.
    return share_n > settings.max_n + 1e-9, share_masked > settings.max_masked + 1e-9


def _spread_evenly(counts: Mapping[str, int], folds: int) -> dict[str, int]:
    """Give each contig a part, the largest first, each to the part with the fewest windows."""
    filled = [name for name in counts if counts[name]]
    if len(filled) < folds:
        raise SeqcastError(
            f"dataset.split.folds is {folds}, but only {len(filled)} contigs have windows; a"
            " contig is never cut in two, so "
            + (
                f"set it to {len(filled)} at most"
                if len(filled) >= 3
                else "make dataset.window smaller, or hold out with valid and test instead"
            )
        )
    loads, part = [0] * folds, {}
    for name in sorted(filled, key=lambda name: -counts[name]):
        part[name] = loads.index(min(loads))
        loads[part[name]] += counts[name]
    return part


def _check_parts(plan: Plan) -> None:
    counts = np.bincount(plan.windows["split"], minlength=len(plan.parts))
    empty = [name for name, count in zip(plan.parts, counts, strict=True) if not count]
    if not empty:
        return
    why = [
        f"{parts[name]:,} left out for {reason}"
        for name in empty
        for reason, parts in plan.dropped.items()
        if name in parts
    ]
    raise SeqcastError(
        f"{' and '.join(empty)} have no windows ({', '.join(why) or 'every contig is too short'});"
        " hold out other chromosomes, make dataset.window smaller, or raise dataset.max_n or"
        " max_masked"
    )
