"""Forecast what a dataset takes of disk, memory and time, before any work."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from seqcast.core.chunks import find_groups
from seqcast.core.console import format_seconds, log
from seqcast.data.layout import find_width
from seqcast.settings import GenomeSettings
from seqcast.sources.genome.layout import Layout
from seqcast.sources.genome.planning import Plan
from seqcast.sources.genome.stored import find_processes
from seqcast.sources.genome.tracks import cut_stretches

# Measured on one core of a small server: nanoseconds per base and track, per base of sequence and
# per value written; per contig, alone and with each track; for each opening of a file and each
# of the contigs it then lists.
_READ = 6.0
_ENCODE = 12.0
_WRITE = 20.0
_CONTIG = 1e6
_CONTIG_AND_TRACK = 3e5
_OPEN = 1e5
_LIST = 300.0
# Python with numpy and h5py; each process has its own.
_BASE = 100 << 20
_BYTES_A_CELL = 4
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Forecast:
    """Bytes of the files, bytes of memory at most, and rough seconds."""

    disk: int
    memory: int
    seconds: float


def make_forecast(
    settings: GenomeSettings, layout: Layout, plan: Plan, *, replicates: bool, threads: int
) -> Forecast:
    """Forecast the writing of a dataset, and of its replicates where they are wanted."""
    bin_size = settings.bin_size
    bins = sum(-(-length // bin_size) for length in plan.lengths.values())
    bases = sum(plan.lengths.values())
    cells = bins * (bin_size // settings.cell)
    others = [track for track in layout.replicates if track is not None] if replicates else []
    tracks = len(layout.tracks) + len(others)
    processes = find_processes(bases * tracks, threads)
    # Coverage of few different values, as most is, takes less than the bigWig it came from; it
    # lies there twice, track by track and in the dataset.
    disk = bases + 2 * sum(
        min(_BYTES_A_CELL * count, track.path.stat().st_size)
        for count, group in ((cells, layout.tracks), (bins, others))
        for track in group
    )
    share = 1 - (settings.clip_quantile or 1)
    width = find_width(len(layout.tracks), bin_size // settings.cell)
    group = find_groups(len(layout.tracks), width)[0].stop
    stretches = cut_stretches(plan.lengths, settings.cell, bin_size, group)
    most = max(sum(stretch.end - stretch.start for stretch in each) for each in stretches)
    # Of each thread what is put together, pooled and packed, and its sequence; a contig's cells as
    # the hidden ones are found; bits of cells and bins; the largest values.
    memory = _BASE * (1 + (processes > 1) * processes)
    memory += threads * (3 * _BYTES_A_CELL * group * most // settings.cell + 6 * most)
    memory += 6 * max(plan.lengths.values()) // settings.cell + cells // 8 + bins
    memory += int(_BYTES_A_CELL * share * bins * len(layout.tracks))
    seconds = 1e-9 * (
        (
            _READ * bases * tracks
            + _CONTIG_AND_TRACK * len(plan.lengths) * tracks
            + tracks * (_OPEN + _LIST * len(plan.lengths))
        )
        / processes
        + _ENCODE * bases
        + _WRITE * cells * len(layout.tracks)
        + _CONTIG * len(plan.lengths)
    )
    return Forecast(disk, memory, seconds)


def find_shortages(forecast: Forecast, folder: Path) -> list[str]:
    """Log a forecast; return a line where the folder's disk or the memory is short of it.

    It is no fault: memory is a guess, and what is free now may be more later. Of a full disk the
    system speaks when the file is begun.
    """
    free, lines = shutil.disk_usage(_find_existing(folder)).free, []
    if forecast.disk > free:
        lines.append(
            f"{folder}: the dataset may take {_tell(forecast.disk)}, but {_tell(free)} are free;"
            " make room, or store less: a larger dataset.resolution, fewer targets, or chromosomes"
            " in dataset.split.exclude"
        )
    memory = read_free_memory()
    if memory is not None and forecast.memory > memory:
        lines.append(
            f"the dataset takes about {_tell(forecast.memory)} of memory, but {_tell(memory)} are"
            " free; if it is stopped for that, use fewer --cores, a larger dataset.resolution, or"
            " fewer targets"
        )
    log.info(
        "forecast: at most %s on disk (%s free), about %s of memory and %s",
        _tell(forecast.disk),
        _tell(free),
        _tell(forecast.memory),
        format_seconds(max(1, round(forecast.seconds))),
    )
    return lines


def read_free_memory() -> int | None:
    """Return the bytes of memory that can still be had, or None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    try:
        # A container or a cluster's job may be given less than the machine has.
        return min(free, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return free


def _find_existing(folder: Path) -> Path:
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve would follow links)
    while not folder.exists():
        folder = folder.parent
    return folder


def _tell(size: float) -> str:
    """Write bytes as people say them."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit != "MB" else f"{size:,.1f} MB"
        size /= 1000
    return f"{size:,.1f} GB"
