"""From what a scan counted to what is refused, warned of, masked and dropped."""

from collections.abc import Iterable, Sequence

import numpy as np

from seqcast.core.errors import list_some
from seqcast.data import SPLITS
from seqcast.settings import BasenjiSettings
from seqcast.sources.base_order import BaseOrder
from seqcast.sources.basenji.layout import Layout
from seqcast.sources.basenji.scan import Bases, Coverage
from seqcast.sources.findings import Likeness, TargetFinding

# Beyond these the first epochs go into finding the mean, or the target weighs next to nothing.
MEAN_HIGH = 5.0
MEAN_LOW = 0.01


def find_likenesses(bases: Bases) -> tuple[Likeness, ...]:
    """Return the windows that are the same as others, or overlap those of other splits."""
    pairs = bases.sketches.find_identical() + bases.sketches.find_partial()
    return tuple(
        Likeness(bases.rows[p.first], bases.rows[p.second], p.kind, p.strand, p.bases)
        for p in pairs
    )


def find_dropped(
    settings: BasenjiSettings, coverage: Coverage, pairs: Sequence[Likeness]
) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Return the rows to leave out per split, and how many for which reason.

    Of windows alike, train gives way to valid and test, valid to test, later train to earlier.
    """
    rows: dict[str, set[int]] = {split: set() for split in SPLITS}
    reasons: dict[str, int] = {}
    if settings.on_duplicate == "drop":
        for split, row in filter(None, map(_loser, pairs)):
            rows[split].add(row)
        for split in SPLITS:
            reasons[f"{split} windows the same as others or overlapping them"] = len(rows[split])
    if settings.on_bad == "drop":
        for split in SPLITS:
            more = set(coverage.bad[split]) - rows[split]
            reasons[f"{split} windows with bins not finite or negative"] = len(more)
            rows[split] |= more
    return {split: tuple(sorted(rows[split])) for split in SPLITS}, {
        why: count for why, count in reasons.items() if count
    }


def _loser(pair: Likeness) -> tuple[str, int] | None:
    """Return the window of a pair that has to go; within valid or test, none has to."""
    splits = (pair.first[0], pair.second[0])
    if splits[0] == splits[1]:
        return pair.second if splits[0] == "train" else None
    return min(pair.first, pair.second, key=lambda window: SPLITS.index(window[0]))


def make_target_findings(layout: Layout, coverage: Coverage) -> tuple[TargetFinding, ...]:
    """Return one finding a target."""
    bins = np.maximum(coverage.train_bins, 1)
    columns = (
        coverage.train_mean,
        coverage.max,
        coverage.train_zeros / bins,
        coverage.nan,
        coverage.inf,
        coverage.negative,
    )
    rows = zip(layout.targets, *(column.tolist() for column in columns), strict=True)
    return tuple(TargetFinding(*row) for row in rows)


def judge_order(order: BaseOrder) -> tuple[list[str], list[str]]:
    """Return refusals and warnings on the order of the bases."""
    if order.is_contradicted:
        return [
            f"dataset.alphabet is {order.declared}, but the data fit {list_some(order.possible)}:"
            f" {'; '.join(order.evidence)}; set dataset.alphabet: {order.order}, or auto"
        ], []
    if order.is_determined:
        return [], []
    declare = ", declare dataset.alphabet if you know it" if order.declared == "auto" else ""
    return [], [
        f"the data do not determine the order of the bases ({len(order.possible)} of 24 fit:"
        f" {'; '.join(order.evidence)}); {order.order} is used{declare}"
    ]


def judge_bases(bases: Bases) -> tuple[list[str], list[str]]:
    """Return refusals and warnings on the sequences."""
    refusals, warnings = [], []
    odd = sum(bases.odd.values())
    if odd:
        refusals.append(
            f"{odd:,} of {sum(bases.bases.values()):,} rows of the sequences are not one-hot"
            f" ({_counts(bases.odd)}), wanted one 1 in a row, or none for N; first:"
            f" {'; '.join(bases.odd_examples)}; rebuild it"
        )
    blank = sum(map(len, bases.blank.values()))
    if blank:
        warnings.append(f"{blank:,} windows are all N ({_rows(bases.blank)})")
    return refusals, warnings


def judge_coverage(
    settings: BasenjiSettings, coverage: Coverage, targets: Sequence[TargetFinding], whole: bool
) -> tuple[list[str], list[str]]:
    """Return refusals and warnings on the targets; `whole` unless only a head was read."""
    refusals, warnings = [], []
    bad = [target for target in targets if target.bad]
    if bad:
        kinds = {"inf": 0, "NaN": 0, "negative": 0}
        for target in bad:
            kinds["inf"] += target.inf
            kinds["NaN"] += target.nan
            kinds["negative"] += target.negative
        found = (
            f"{sum(kinds.values()):,} coverage values are not finite or negative"
            f" ({_counts(kinds)}), in windows {_rows(coverage.bad)}, targets"
            f" {list_some([target.name for target in bad])}"
        )
        if settings.on_bad == "refuse":
            refusals.append(
                f"{found}; set dataset.on_bad: mask (leaves the bins out) or drop (leaves the"
                " windows out), or rebuild it"
            )
        else:
            done = "bins masked" if settings.on_bad == "mask" else "windows dropped"
            warnings.append(f"{found}: {done}, as dataset.on_bad says")
    zero = [target.name for target in targets if target.mean == 0]
    if zero:
        text = (
            f"{len(zero)} of {len(targets)} targets are zero in all train windows:"
            f" {list_some(zero)}"
        )
        if whole:
            refusals.append(f"{text}; nothing can be learnt from them, rebuild it without them")
        else:
            warnings.append(f"{text} of the head")
    return refusals, warnings + _judge_means(settings, coverage, targets)


def _judge_means(
    settings: BasenjiSettings, coverage: Coverage, targets: Sequence[TargetFinding]
) -> list[str]:
    if settings.scale == "mean":
        return []
    warnings = []
    high = [target for target in targets if target.mean > MEAN_HIGH]
    if high:
        top = max(high, key=lambda target: target.mean)
        warnings.append(
            f"{len(high)} of {len(targets)} targets have train means far above 1 (up to"
            f" {top.mean:,.4g}, {top.name}): with train.units: table, as the preset course has it,"
            f" the loss starts near {coverage.first_loss:,.4g} and training is slow; consider"
            " dataset.scale: mean"
        )
    low = [target for target in targets if 0 < target.mean < MEAN_LOW]
    if low:
        least = min(low, key=lambda target: target.mean)
        warnings.append(
            f"{len(low)} of {len(targets)} targets have train means far below 1 (down to"
            f" {least.mean:.3g}, {least.name}) and with train.units: table, as the preset course"
            " has it, weigh little in the loss; consider dataset.scale: mean"
        )
    return warnings


def judge_likenesses(
    settings: BasenjiSettings, pairs: Sequence[Likeness]
) -> tuple[list[str], list[str]]:
    """Return refusals and warnings on windows that are the same or overlap."""
    refusals, warnings = [], []
    across = [pair for pair in pairs if pair.first[0] != pair.second[0]]
    train = [pair for pair in pairs if pair.first[0] == pair.second[0] == "train"]
    others = [pair for pair in pairs if pair.first[0] == pair.second[0] != "train"]
    for found, text, remedy in (
        (across, "of different splits that are the same or overlap", "the test would mislead"),
        (train, "of train that are the same", "they would count twice"),
    ):
        if not found:
            continue
        line = f"{len(found):,} pairs of windows {text}: {list_some([str(p) for p in found])}"
        if settings.on_duplicate == "drop":
            warnings.append(f"{line}: dropped, as dataset.on_duplicate says")
        else:
            refusals.append(
                f"{line}; {remedy}: set dataset.on_duplicate: drop (of such pairs train gives way"
                " to valid and test, valid to test), or rebuild it"
            )
    if others:
        listed = list_some([str(pair) for pair in others])
        warnings.append(f"{len(others):,} pairs of held-out windows are the same: {listed}")
    return refusals, warnings


def judge_layout(layout: Layout, has_pool_width: bool, has_labels: bool) -> list[str]:
    """Return warnings on what the shapes of a file leave open."""
    warnings = []
    if not has_labels:
        warnings.append(
            f"there is no /target_labels; the targets are called target0 to"
            f" target{len(layout.targets) - 1}"
        )
    other = layout.window // layout.bins
    if layout.crop and not has_pool_width and layout.window % layout.bins == 0:
        warnings.append(
            f"{layout.bins} bins of {layout.bin_size} cover the middle"
            f" {layout.bins * layout.bin_size:,} of {layout.window:,} bases; were they meant to"
            f" cover all, set dataset.bin_size: {other}"
        )
    return warnings


def judge_dropped(windows: dict[str, int], dropped: dict[str, tuple[int, ...]]) -> list[str]:
    """Return a refusal for each split of which nothing is left."""
    return [
        f"dropping leaves none of the {windows[split]:,} {split} windows; rebuild the file, or set"
        " dataset.on_bad: mask"
        for split in SPLITS
        if len(dropped[split]) >= windows[split]
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _rows(rows: dict[str, Iterable[int]]) -> str:
    """Write the first rows of each split: `train 3, 5, 8 (and 12 more); test 0`."""
    return "; ".join(
        f"{split} {list_some([str(row) for row in found])}"
        for split, found in ((split, list(rows[split])) for split in rows)
        if found
    )
