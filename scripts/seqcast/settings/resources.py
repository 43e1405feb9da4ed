"""What each job asks a machine for: the one table of cores, memory, time and groups.

On one machine only `gpu` and `--cores` count. Where jobs are submitted, a scheduler reserves what
stands here, and a profile changes single numbers of it (`set-resources`, `groups`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from seqcast.settings.run import Settings


@dataclass(frozen=True)
class Size:
    """What validation found of a run; zeros where that is not done yet, or does not say.

    `bases` are those of the windows' contigs, `longest` those of one, `tested` those of the test
    split, or of all `folds`. `memory` (bytes) and `seconds` are what it forecast for the dataset.
    What else the config asks for is counted by `add_asked`: `models`, and `members` of all that
    say something of the same place; so many `regions` of `width` bases of each of the `explained`
    targets, of which TF-MoDISco compares as many `stretches`; `alleles` to score of `varied`
    targets, and `shown` variants of the largest effects; `backgrounds` that motifs are put into.
    """

    targets: int = 0
    window: int = 0
    bins: int = 0
    bases: int = 0
    longest: int = 0
    tested: int = 0
    folds: int = 1
    memory: float = 0.0
    seconds: float = 0.0
    models: int = 1
    members: int = 1
    explained: int = 0
    regions: int = 0
    width: int = 0
    stretches: int = 0
    alleles: int = 0
    varied: int = 0
    shown: int = 0
    backgrounds: int = 0


# How much of something a job goes through, or holds.
Extent = Callable[[Size], float]


def in_tests(size: Size) -> float:
    """Return the bases of test windows, times targets: those of one model."""
    return size.tested * size.targets


def in_fold(size: Size) -> float:
    """Return those of the test windows of one fold."""
    return in_tests(size) / size.folds


def in_tests_of_all(size: Size) -> float:
    """Return those of all models, and of what was observed."""
    return in_tests(size) * (size.models + 1)


def in_part(size: Size) -> float:
    """Return the bases of a contig, times targets: those of one model."""
    return size.longest * size.targets


def in_group(size: Size) -> float:
    """Return those of 64 targets on a genome: of all models, and of what was observed."""
    return size.bases * min(size.targets, 64) * (size.models + 1)


def in_tests_of_members(size: Size) -> float:
    """Return those of all members of a model."""
    return in_tests(size) * size.members / size.models


def in_windows_of_regions(size: Size) -> float:
    """Return the bases of the windows of all regions that one member explains."""
    return size.window * size.regions * size.explained / size.folds


def count_regions(size: Size) -> float:
    """Return how many regions all models explain."""
    return size.regions * size.explained * size.models


def in_regions(size: Size) -> float:
    """Return the bases of the regions that all models explain."""
    return size.width * count_regions(size)


def in_regions_of_members(size: Size) -> float:
    """Return those of the regions that all members explain."""
    return in_regions(size) * size.members / size.models


def in_regions_of_one(size: Size) -> float:
    """Return those of the regions of one target."""
    return size.width * size.regions


def count_stretches(size: Size) -> float:
    """Return how many stretches of all targets and models TF-MoDISco compares."""
    return size.stretches * size.explained * size.models


def count_explained(size: Size) -> float:
    """Return how many targets all models explain."""
    return size.explained * size.models


def in_alleles(size: Size) -> float:
    """Return the bases of all alleles' windows, times targets; the network is as much as 500."""
    return size.window * size.alleles * (size.targets + 500)


def count_scores(size: Size) -> float:
    """Return how many alleles are scored, times targets and models."""
    return size.alleles * size.varied * size.models


def count_varied(size: Size) -> float:
    """Return of how many targets all members score variants."""
    return size.varied * size.members


def in_shown(size: Size) -> float:
    """Return the bases of the windows of the variants that are shown."""
    return size.window * size.shown


def count_shown(size: Size) -> float:
    """Return how many variants of all models are shown."""
    return size.shown * size.models


def in_backgrounds(size: Size) -> float:
    """Return the bases of the backgrounds that motifs are put into."""
    return size.window * size.backgrounds


def count_effects(size: Size) -> float:
    """Return of how many backgrounds, targets and models effects of motifs are known."""
    return size.backgrounds * size.targets * size.models


@dataclass(frozen=True)
class Job:
    """What a rule asks for: GB and minutes at its first attempt; cores where no `--cores` is given.

    Rules of one `group` are submitted as one job, whose time is the sum of theirs. Of those that
    take turns in it one runs at a time, so that it asks for one GPU and for the memory of one.

    At larger sizes it asks for more, once validation has said what they are: of a batch of windows,
    or of so many `windows`, `bytes_a_base`, and `copies` of the bins of all targets; besides so
    many `bytes` of each that it `holds`, and `nanoseconds` for each of an `extent`. One that
    `goes_on` where its limit stopped it asks for a day at most. Measured on a core of a small
    server (docs/scaling.md), as is what those that say nothing of it take at any size.
    """

    memory: int
    minutes: int
    group: str = ""
    cores: int = 1
    turn: int = 0
    bytes_a_base: int = 0
    copies: int = 0
    windows: int = 0
    bytes: float = 0.0
    holds: Extent = in_tests
    nanoseconds: float = 0.0
    extent: Extent = in_tests
    goes_on: bool = False


# Rules that work for minutes are grouped: most would wait longer in a queue. What runs where
# Snakemake does, as nodes of clusters often see no internet, asks as well: for what it takes there.
JOBS = {
    "download_file": Job(1, 240),
    "validate_source": Job(4, 60, "data"),
    "first_look": Job(2, 15, "data"),
    "locate_windows": Job(4, 120, "data"),
    "dataset": Job(
        8,
        120,
        "data",
        cores=8,
        bytes=1,
        holds=lambda size: size.memory,
        nanoseconds=1e9,
        extent=lambda size: size.seconds,
    ),
    "suggest": Job(4, 60, cores=8),
    # At its limit a training saves itself, and goes on in the next attempt.
    "train_model": Job(16, 240, cores=8, bytes_a_base=1500, copies=20),
    "predict_model": Job(
        8,
        60,
        "results",
        cores=8,
        turn=1,
        bytes_a_base=1200,
        copies=10,
        nanoseconds=13,
        extent=in_fold,
    ),
    "combine_members": Job(4, 15, "results", nanoseconds=1.5, extent=in_tests_of_members),
    "fit_baseline": Job(4, 60, "data", nanoseconds=32),
    "evaluate_model": Job(4, 15, "results", turn=1, nanoseconds=35),
    "export_tracks": Job(4, 60, "results", nanoseconds=11, extent=in_tests_of_all),
    "repair_tracks": Job(4, 120, "results", nanoseconds=11, extent=in_tests_of_all),
    "browse_tracks": Job(4, 15, "results"),
    "genome_tracks_plan": Job(4, 60),
    # Beside a batch that is computed, windows of N alone: eight times as many at most.
    "genome_tracks_part": Job(
        8, 120, cores=4, bytes_a_base=1200, copies=26, nanoseconds=4, extent=in_part
    ),
    "genome_tracks_join": Job(4, 120, nanoseconds=8, extent=in_group),
    "genome_tracks_table": Job(2, 15),
    "regions_table": Job(4, 120),
    "explain_regions": Job(
        4,
        15,
        "results",
        turn=1,
        bytes=1000,
        holds=count_regions,
        nanoseconds=5,
        extent=in_tests_of_all,
    ),
    "explain_member": Job(
        8,
        240,
        "results",
        cores=8,
        turn=1,
        windows=1,
        bytes_a_base=4500,
        copies=8,
        nanoseconds=50_000,
        extent=in_windows_of_regions,
        goes_on=True,
    ),
    "explain_join": Job(
        4,
        30,
        "results",
        turn=1,
        bytes=2000,
        holds=count_regions,
        nanoseconds=2300,
        extent=in_regions_of_members,
    ),
    "variants_plan": Job(4, 15, "results", turn=1),
    # Windows side by side, one a core.
    "variants_member": Job(
        8,
        240,
        "results",
        cores=8,
        turn=1,
        windows=8,
        bytes_a_base=1500,
        copies=340,
        nanoseconds=1.3,
        extent=in_alleles,
        goes_on=True,
    ),
    "variants_join": Job(
        4,
        30,
        "results",
        turn=1,
        bytes=800_000,
        holds=count_varied,
        nanoseconds=11_000,
        extent=count_scores,
    ),
    "variants_top": Job(
        8,
        30,
        "results",
        cores=8,
        turn=1,
        windows=1,
        bytes_a_base=4500,
        copies=20,
        nanoseconds=15_000,
        extent=in_shown,
    ),
    "variants_tracks": Job(
        4,
        15,
        "results",
        turn=1,
        bytes=20_000,
        holds=count_shown,
        nanoseconds=4e6,
        extent=count_shown,
    ),
    "motifs_tools": Job(1, 15),
    "motifs_discover": Job(
        8,
        240,
        "results",
        cores=8,
        turn=1,
        bytes=110,
        holds=in_regions_of_one,
        nanoseconds=8e6,
        extent=count_stretches,
        goes_on=True,
    ),
    "motifs_names": Job(4, 15, "results", cores=2, turn=1),
    # Of 200 motifs.
    "motifs_hits": Job(
        8,
        60,
        "results",
        turn=1,
        bytes=10,
        holds=in_regions,
        nanoseconds=6000,
        extent=in_regions,
    ),
    "motifs_effects_member": Job(
        8,
        240,
        "results",
        cores=8,
        turn=1,
        windows=8,
        bytes_a_base=3000,
        copies=8,
        nanoseconds=30_000,
        extent=in_backgrounds,
        goes_on=True,
    ),
    "motifs_effects": Job(4, 30, "results", turn=1, bytes=4000, holds=count_effects),
    "report": Job(4, 15, "results"),
}
# A job may have died for want of it, so each attempt asks for more; nodes and queues have limits.
_MOST_MEMORY, _MOST_MINUTES = 4, 24 * 60
# Of what is expected: memory is a rough guess, and time more so.
_MEMORY_TO_SPARE, _TIME_TO_SPARE = 1.5, 3
# Python with torch, before it has seen a window.
_TORCH = 4e8


def request_memory(rule: str, attempt: int, size: Size, batch: int) -> int:
    """Return the MB that an attempt of a rule asks for; `batch` counts the windows of one."""
    job = JOBS[rule]
    expected = job.bytes * job.holds(size)
    if job.bytes_a_base:
        a_window = job.bytes_a_base * size.window + 4 * job.copies * size.bins * size.targets
        expected += _TORCH + (job.windows or batch) * a_window
    wanted = max(job.memory * 1000, round(_MEMORY_TO_SPARE * expected / 1e6))
    return wanted * min(attempt, _MOST_MEMORY)


def request_minutes(rule: str, attempt: int, size: Size) -> int:
    """Return the minutes that an attempt of a rule asks for."""
    job = JOBS[rule]
    expected = 1e-9 * job.nanoseconds * job.extent(size)
    wanted = max(job.minutes, round(_TIME_TO_SPARE * expected / 60))
    if job.goes_on:
        wanted = min(wanted, _MOST_MINUTES)
    return min(wanted * attempt, max(wanted, _MOST_MINUTES))


def read_size(validation: str | Path) -> Size:
    """Return what validation found of a run, as far as it says."""
    try:
        found = json.loads(Path(validation).read_text())
        lengths, windows = found["contigs"].values(), found["windows"]
        # Data that come as windows have no contigs. With folds all parts are tested.
        parts = found["split_bases"] or {"test": windows.get("test", 0) * found["window"]}
        return Size(
            len(found["targets"]),
            found["window"],
            found["bins"],
            sum(lengths),
            max(lengths, default=0),
            parts.get("test", sum(parts.values())),
            1 if "test" in parts else len(parts),
            float(found["forecast"].get("memory", 0)),
            float(found["forecast"].get("seconds", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Size()


def add_asked(size: Size, settings: Settings, plan: str | Path) -> Size:
    """Return a size with what the config asks for, as far as it is known.

    Regions are the peaks that are to be explained, not those of a file. Alleles are those of the
    `plan` of variants, once there is one: a job that was stopped at its limit asks by it.
    """
    explain, variants, motifs = settings.explain, settings.variants, settings.motifs
    explained, varied = (
        size.targets if each.targets == "all" else len(each.targets) for each in (explain, variants)
    )
    try:
        alleles = sum(part["alleles"] for part in json.loads(Path(plan).read_text())["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        alleles = 0
    most = explain.most if explain.regions == "peaks" else 0
    # TF-MoDISco takes stretches that do not overlap, so many of either sign at most.
    stretches = min(most * explain.width // 50, 2 * motifs.seqlets)
    return replace(
        size,
        models=len(settings.models),
        members=len(settings.members) // settings.folds,
        explained=explained,
        regions=most,
        width=explain.width,
        stretches=stretches,
        alleles=alleles,
        varied=varied,
        shown=variants.top * varied,
        backgrounds=motifs.backgrounds,
    )
