"""What each job asks a machine for: the one table of cores, memory, time and groups.

On one machine only `gpu` and `--cores` count. Where jobs are submitted, a scheduler reserves what
stands here, and a profile changes single numbers of it (`set-resources`, `groups`).
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What a rule asks for: GB and minutes at its first attempt; cores where no `--cores` is given.

    Rules of one `group` are submitted as one job, whose time is the sum of theirs. Of those that
    take turns in it one runs at a time, so that it asks for one GPU and for the memory of one.
    """

    memory: int
    minutes: int
    group: str = ""
    cores: int = 1
    turn: int = 0


# Rules that work for minutes are grouped: most would wait longer in a queue. What runs where
# Snakemake does, as nodes of clusters often see no internet, asks as well: for what it takes there.
JOBS = {
    "download_file": Job(1, 240),
    "validate_source": Job(4, 60, "data"),
    "first_look": Job(2, 15, "data"),
    "locate_windows": Job(4, 120, "data"),
    "dataset": Job(8, 120, "data", cores=8),
    "suggest": Job(4, 60, cores=8),
    # At its limit a training saves itself, and goes on in the next attempt.
    "train_model": Job(16, 240, cores=8),
    "predict_model": Job(8, 60, "results", cores=8, turn=1),
    "combine_members": Job(4, 15, "results"),
    "fit_baseline": Job(4, 60, "data"),
    "evaluate_model": Job(4, 15, "results", turn=1),
    "export_tracks": Job(4, 60, "results"),
    "repair_tracks": Job(4, 120, "results"),
    "browse_tracks": Job(4, 15, "results"),
    "genome_tracks_plan": Job(4, 60),
    "genome_tracks_part": Job(8, 120, cores=4),
    "genome_tracks_join": Job(4, 120),
    "genome_tracks_table": Job(2, 15),
    "regions_table": Job(4, 120),
    "explain_regions": Job(4, 15, "results", turn=1),
    "explain_member": Job(8, 240, "results", cores=8, turn=1),
    "explain_join": Job(4, 30, "results", turn=1),
    "variants_plan": Job(4, 15, "results", turn=1),
    "variants_member": Job(8, 240, "results", cores=8, turn=1),
    "variants_join": Job(4, 30, "results", turn=1),
    "variants_top": Job(8, 30, "results", cores=8, turn=1),
    "variants_tracks": Job(4, 15, "results", turn=1),
    "motifs_tools": Job(1, 15),
    "motifs_discover": Job(8, 240, "results", cores=8, turn=1),
    "motifs_names": Job(4, 15, "results", cores=2, turn=1),
    "motifs_hits": Job(8, 60, "results", turn=1),
    "motifs_effects_member": Job(8, 240, "results", cores=8, turn=1),
    "motifs_effects": Job(4, 30, "results", turn=1),
    "report": Job(4, 15, "results"),
}
# A job may have died for want of it, so each attempt asks for more; nodes and queues have limits.
_MOST_MEMORY, _MOST_MINUTES = 4, 24 * 60
# Of what validation forecasts for a dataset: memory is a rough guess, and time more so.
_MEMORY_TO_SPARE, _TIME_TO_SPARE = 1.5, 3


def request_memory(rule: str, attempt: int, forecast: float = 0) -> int:
    """Return the MB that an attempt of a rule asks for; `forecast` is in bytes."""
    wanted = max(JOBS[rule].memory * 1000, round(_MEMORY_TO_SPARE * forecast / 1e6))
    return wanted * min(attempt, _MOST_MEMORY)


def request_minutes(rule: str, attempt: int, forecast: float = 0) -> int:
    """Return the minutes that an attempt of a rule asks for; `forecast` is in seconds."""
    wanted = max(JOBS[rule].minutes, round(_TIME_TO_SPARE * forecast / 60))
    return min(wanted * attempt, max(wanted, _MOST_MINUTES))


def read_forecast(validation: str | Path) -> tuple[float, float]:
    """Return the bytes of memory and the seconds that validation forecasts for a dataset.

    Zeros where there is no validation yet, or none that forecasts: the rule's own numbers count.
    """
    try:
        forecast = json.loads(Path(validation).read_text())["forecast"]
        return float(forecast["memory"]), float(forecast["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, 0.0
