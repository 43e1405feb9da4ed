"""How much of a run goes into a page that is one file, and what is said of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqcast.tracks.browser.cutting import (
    BYTES_A_BASE,
    BYTES_A_VALUE,
    Region,
    has_bases,
    make_regions,
)
from seqcast.tracks.browser.loci import Locus

MOST_LOCI = 12
MOST_TARGETS = 12
MOST_MODELS = 4
# As a window of 131,072 bases in bins of 128 has; a screen is hardly wider.
_MOST_BINS = 1024
_BYTES_A_STILL = 36_000

Rows = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class Plan:
    """The most that a page holds: loci, targets, bins a locus, and whether it has the bases."""

    loci: int = MOST_LOCI
    targets: int = MOST_TARGETS
    bins: int = _MOST_BINS
    bases: bool = True


# From the fullest to the leanest.
_PLANS = [
    Plan(),
    Plan(bases=False),
    Plan(bins=_MOST_BINS // 2, bases=False),
    Plan(targets=MOST_TARGETS // 2, bins=_MOST_BINS // 2, bases=False),
    Plan(targets=MOST_TARGETS // 2, bins=_MOST_BINS // 4, bases=False),
    Plan(MOST_LOCI // 2, MOST_TARGETS // 3, _MOST_BINS // 4, bases=False),
]


def make_plan(loci: Sequence[Locus], rows: Rows, bin_size: int, most_bytes: float) -> Plan:
    """Return the fullest plan that takes no more than `most_bytes`, else the leanest.

    `rows` are the tracks of each target, by its name.
    """
    for plan in _PLANS:
        regions = make_regions(loci[: plan.loci], bin_size, plan.bins)
        files = sum(len(listed) for listed in list(rows.values())[: plan.targets])
        size = files * sum(region.bins for region in regions) * BYTES_A_VALUE
        size += min(len(loci), plan.loci) * _BYTES_A_STILL
        bases = sum(each.end - each.start for each in regions if has_bases(each))
        if size + plan.bases * bases * BYTES_A_BASE <= most_bytes:
            return plan
    return _PLANS[-1]


def make_notes(
    plan: Plan, loci: int, targets: int, models: int, regions: Sequence[Region], bin_size: int
) -> list[str]:
    """Say in a sentence each what a page leaves out of its loci, targets and models."""
    notes = []
    if targets > plan.targets:
        notes.append(f"Here are the {plan.targets} best of {targets:,} targets.")
    if models > MOST_MODELS:
        notes.append(f"Here are the {MOST_MODELS} best of {models} models.")
    if loci > plan.loci:
        notes.append(f"Here are the first {plan.loci} of {loci} places.")
    steps = sorted({region.step for region in regions})
    if steps != [bin_size]:
        wide = " or ".join(f"{step:,}" for step in steps if step != bin_size)
        which = "Some bins" if len(steps) > 1 else "Bins"
        notes.append(f"{which} are {wide} bp wide here, {bin_size} bp in the tracks.")
    if not plan.bases or not all(map(has_bases, regions)):
        which = "long places" if plan.bases else "the genome"
        notes.append(f"The letters of {which} are not in this page.")
    return [*notes, "The tracks hold all of it."] if notes else []
