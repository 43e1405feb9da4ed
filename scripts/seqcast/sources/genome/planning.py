"""Plan which windows of a genome are used, and what each of them is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, WINDOW_DTYPE, make_folds
from seqcast.data.layout import ONE_FOLD
from seqcast.genome.codes import tile
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Layout
from seqcast.sources.genome.regions import (
    cut_blocks,
    draw_parts,
    fill,
    leave_gaps,
    spread_evenly,
)
from seqcast.sources.genome.unknown import count_before


@dataclass(frozen=True)
class Plan:
    """Contigs to store, by name and length, and windows on them.

    `windows` has the part of each window in `split`; `folds` (folds, parts) says which split a
    part is. `regions`, rows like those of windows, are what each part has of each contig: a window
    lies in one of them. `unknown` has the runs of N of each contig. `dropped` counts windows left
    out, by reason and part.
    """

    lengths: Mapping[str, int]
    windows: np.ndarray
    folds: np.ndarray
    regions: np.ndarray
    unknown: Mapping[str, np.ndarray]
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


def make_plan(settings: GenomeSettings, layout: Layout, unknown: Mapping[str, np.ndarray]) -> Plan:
    """Give each region of the genome its part, tile it, and leave out windows that hold too little.

    Windows start every `settings.step` bases of a region; a last one ends with its last whole bin.
    Parts are train, valid and test, or folds of about as many windows each. A window lies in one
    region, so that windows of different parts cannot overlap. `unknown` has the runs of N of each
    contig, (n, 2). Raises `SeqcastError` where a part has no windows.
    """
    lengths: dict[str, int] = {}
    regions, windows = [np.zeros(0, WINDOW_DTYPE)], [np.zeros(0, WINDOW_DTYPE)]
    bad = [np.zeros((2, 0), dtype=bool)]
    for name, divided in _divide(settings, layout, unknown).items():
        kept = leave_gaps(divided, settings)
        tiled = _tile(kept, settings)
        much = _find_bad(settings, layout, name, unknown[name], tiled)
        tiled["contig"] = len(lengths)
        windows.append(tiled)
        bad.append(much)
        if not much.any(axis=0).all():
            regions.append(_make_rows(len(lengths), *kept.T))
            lengths[name] = layout.lengths[name]
    folds = make_folds(settings.split.folds) if settings.split.folds else ONE_FOLD
    plan = Plan(lengths, np.concatenate(windows), folds, np.concatenate(regions), unknown)
    _check_parts(plan)
    much_n, much_masked = np.concatenate(bad, axis=1)
    plan = plan.without(much_n, "N")
    return plan.without((much_masked & ~much_n)[~much_n], "mask")


def mark_touched(intervals: np.ndarray, size: int, count: int) -> np.ndarray:
    """Return which of `count` pieces of `size` bases any of (n, 2) intervals touch, bool."""
    steps = np.zeros(count + 1, dtype=np.int32)
    if len(intervals):
        np.add.at(steps, np.minimum(intervals[:, 0] // size, count), 1)
        np.add.at(steps, np.minimum(-(-intervals[:, 1] // size), count), -1)
    return np.cumsum(steps[:-1], out=steps[:-1]) > 0


def compute_share(flagged: np.ndarray, windows: np.ndarray, bin_size: int) -> np.ndarray:
    """Return the mean of a contig's bins (bins,) over each of its windows, (windows,)."""
    total = np.concatenate([[0], np.cumsum(flagged, dtype=np.float64)])
    first, last = windows["start"] // bin_size, windows["end"] // bin_size
    return (total[last] - total[first]) / (last - first)


def _divide(
    settings: GenomeSettings, layout: Layout, unknown: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the regions of each contig, end to end: start, end and part, as in `regions`."""
    split = settings.split
    if not (split.blocks or split.folds):
        held_out = layout.held_out
        return {name: fill(length, held_out.get(name)) for name, length in layout.lengths.items()}
    edges = {name: cut_blocks(length, split.blocks) for name, length in layout.lengths.items()}
    blocks = {name: np.stack([e[:-1], e[1:], 0 * e[1:]], axis=1) for name, e in edges.items()}
    if split.folds:
        counts = [
            _count_windows(settings, layout, name, unknown[name], each)
            for name, each in blocks.items()
        ]
        parts = spread_evenly(np.concatenate(counts).tolist() if counts else [], split)
    else:
        parts = draw_parts(np.concatenate([np.diff(e) for e in edges.values()]), split)
    first = 0
    for each in blocks.values():
        each[:, 2] = parts[first : first + len(each)]
        first += len(each)
    return blocks


def _count_windows(
    settings: GenomeSettings,
    layout: Layout,
    name: str,
    unknown: np.ndarray,
    blocks: np.ndarray,
) -> np.ndarray:
    """Return how many windows each block of a contig would have by itself, (blocks,)."""
    windows = _tile(blocks, settings)
    good = ~_find_bad(settings, layout, name, unknown, windows).any(axis=0)
    block = np.searchsorted(blocks[:, 0], windows["start"][good], side="right") - 1
    return np.bincount(block, minlength=len(blocks))


def _tile(regions: np.ndarray, settings: GenomeSettings) -> np.ndarray:
    """Return the windows of whole bins in regions of a contig, region by region."""
    size = settings.bin_size
    window = settings.window
    found = [np.zeros(0, WINDOW_DTYPE)]
    for start, end, part in regions.tolist():
        first, last = -(-start // size) * size, end // size * size
        starts = first + tile(last - first, window, settings.step)
        starts = np.unique(np.append(starts, last - window)) if len(starts) else starts
        found.append(_make_rows(0, starts, starts + window, part))
    return np.concatenate(found)


def _make_rows(
    contig: int, start: np.ndarray, end: np.ndarray, part: np.ndarray | int
) -> np.ndarray:
    rows = np.zeros(len(start), WINDOW_DTYPE)
    rows["contig"] = contig
    rows["start"] = start
    rows["end"] = end
    rows["split"] = part
    return rows


def _find_bad(
    settings: GenomeSettings,
    layout: Layout,
    name: str,
    unknown: np.ndarray,
    windows: np.ndarray,
) -> np.ndarray:
    """Return which windows of a contig have too much N, and which too many masked bins, (2, n)."""
    bin_size, mask = settings.bin_size, layout.mask.get(name, np.zeros((0, 2), dtype=np.int64))
    bases_n = count_before(unknown, windows["end"]) - count_before(unknown, windows["start"])
    masked = mark_touched(mask, bin_size, layout.lengths[name] // bin_size)
    share_masked = compute_share(masked, windows, bin_size)
    # Means of parts differ from the whole's by rounding.
    return np.stack(
        [
            bases_n / settings.window > settings.max_n + 1e-9,
            share_masked > settings.max_masked + 1e-9,
        ]
    )


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
        f"{' and '.join(empty)} have no windows ({', '.join(why) or 'nothing is long enough'});"
        " hold out others, make dataset.window smaller, or raise dataset.max_n or max_masked"
    )
