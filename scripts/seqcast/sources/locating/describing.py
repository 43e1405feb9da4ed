"""What a person reads of located windows."""

import pandas as pd

from seqcast.core.errors import list_some
from seqcast.sources.locating.overlaps import find_overlaps
from seqcast.sources.locating.placements import (
    AMBIGUOUS,
    BLANK,
    MISSING,
    PLACED,
    Placements,
    first_rows,
)

_EXAMPLES = 3
# Below this share of bases in 32-mers, a place resembles a window as any repeat does.
_RESEMBLES = 0.2


def describe(placements: Placements) -> list[str]:
    """Say in a few lines how many windows were placed, and what is odd about the others."""
    firsts = first_rows(placements)
    rows = dict(iter(firsts.groupby("status")))
    placed = rows.get(PLACED, firsts[:0])
    strands = placed["strand"].value_counts()
    lines = [
        f"{len(placed):,} of {len(firsts):,} windows placed exactly on {placements.assembly}"
        f" ({strands.get('+', 0):,} on +, {strands.get('-', 0):,} on -)",
        *_describe_order(placements),
    ]
    if AMBIGUOUS in rows:
        most = rows[AMBIGUOUS].loc[rows[AMBIGUOUS]["places"].idxmax()]
        lines.append(
            f"ambiguous, as several places match exactly: {_name(rows[AMBIGUOUS])}; most places:"
            f" {most['places']:,}, of {most['split']} {most['row']}"
        )
    if MISSING in rows:
        best = rows[MISSING].sort_values("shared", ascending=False, kind="stable").iloc[0]
        lines.append(f"match nowhere: {_name(rows[MISSING])}; best: {explain_nearest(best)}")
    if BLANK in rows:
        lines.append(f"too full of N to be located: {_name(rows[BLANK])}")
    return lines + _describe_overlaps(placements)


def explain_nearest(row: pd.Series) -> str:
    """Say what a missing window most resembles, as `train 3 shares 97% of its bases with ...`."""
    who = f"{row['split']} {row['row']}"
    if not row["shared"] >= _RESEMBLES:
        return f"not even {who} resembles any place there; is it the right species?"
    where = f"{row['contig']}:{row['start'] + 1:,}-{row['end']:,}"
    share = f"{100 * row['shared']:.4g}%" if row["shared"] < 0.99999 else "all but a few"
    return (
        f"{who} shares {share} of its bases with {where} ({row['strand']}); take the assembly that"
        " the windows were cut from, such as hg19, not hg38"
    )


def _describe_order(placements: Placements) -> list[str]:
    if placements.order == placements.order_was:
        return [f"the order of the bases is proven: {placements.order}"]
    return [
        f"validate took the bases as {placements.order_was}, but windows match only as"
        f" {placements.order}: they are re-ordered"
    ]


def _describe_overlaps(placements: Placements) -> list[str]:
    overlaps = find_overlaps(placements)
    lines = []
    if len(overlaps.between):
        pair = overlaps.between.iloc[0]
        lines.append(
            f"pairs of windows that overlap between splits: {len(overlaps.between):,}, most"
            f" {pair['first_split']} {pair['first_row']} and {pair['second_split']}"
            f" {pair['second_row']} by {pair['bases']:,} of {placements.window:,} bases"
        )
    else:
        lines.append("no windows of different splits overlap")
    within = ", ".join(f"{count:,} in {split}" for split, count in overlaps.within.items() if count)
    if within:
        lines.append(f"pairs of windows that overlap within a split: {within}")
    return lines


def _name(rows: pd.DataFrame) -> str:
    """Count windows and name the first few."""
    pairs = [f"{split} {row}" for split, row in zip(rows["split"], rows["row"], strict=True)]
    return f"{len(pairs):,} ({list_some(pairs, _EXAMPLES)})"
