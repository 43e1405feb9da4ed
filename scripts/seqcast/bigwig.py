"""Write coverage as bigWig and read it back.

pyBigWig trusts its caller: it crashes on a missing folder and on a full disk, does not notice a
fixedStep run that passes the chromosome's end, and writes big-endian arrays as they lie. All of
that is checked here.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyBigWig

from seqcast.disk import make_room
from seqcast.errors import SeqcastError

# More than a file has been seen to take: values and zoom levels; headers and index.
_BYTES_A_VALUE, _BYTES_A_RUN = 16, 256


@dataclass(frozen=True)
class Run:
    """Neighbouring bins of a chromosome: `values` (bins,) from `start` on, all finite."""

    chrom: str
    start: int
    values: np.ndarray


def split_runs(chrom: str, starts: np.ndarray, values: np.ndarray, bin_size: int) -> list[Run]:
    """Cut bins at `starts` (ascending) into runs without a gap or an unknown value."""
    finite = np.isfinite(values)
    starts, values = starts[finite], values[finite]
    if not starts.size:
        return []
    breaks = np.flatnonzero(np.diff(starts) != bin_size) + 1
    return [
        Run(chrom, int(at[0]), part)
        for at, part in zip(np.split(starts, breaks), np.split(values, breaks), strict=True)
    ]


def write_bigwig(
    path: Path, chrom_sizes: Mapping[str, int], runs: Iterable[Run], bin_size: int
) -> None:
    """Write runs of bins, sorted by chromosome and start, as a bigWig with zoom levels.

    Only chromosomes that have values are named, in byte order. A last bin is cut at its
    chromosome's end. The file gets its name after it was read back and found the same.
    """
    by_chrom: dict[str, list[Run]] = {}
    for run in runs:
        by_chrom.setdefault(run.chrom, []).append(run)
    if not by_chrom:
        raise SeqcastError(f"{path}: there is no finite value to write")
    names = sorted(by_chrom, key=str.encode)
    for name in names:
        _check_runs(path, name, by_chrom[name], chrom_sizes, bin_size)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    values = sum(len(run.values) for here in by_chrom.values() for run in here)
    pieces = sum(len(here) for here in by_chrom.values())
    make_room(partial, _BYTES_A_VALUE * values + _BYTES_A_RUN * pieces)
    _write(partial, path, [(name, chrom_sizes[name]) for name in names], by_chrom, bin_size)
    _check_same(partial, path, by_chrom, chrom_sizes, bin_size)
    os.replace(partial, path)


def _check_runs(
    path: Path, name: str, runs: list[Run], chrom_sizes: Mapping[str, int], bin_size: int
) -> None:
    if name not in chrom_sizes:
        raise SeqcastError(f"{path}: values on {name}, which the genome does not have")
    size, end = chrom_sizes[name], 0
    for run in runs:
        last = run.start + (len(run.values) - 1) * bin_size
        if run.start < end or last >= size:
            raise SeqcastError(
                f"{path}: bins at {name}:{run.start:,}-{last + bin_size:,} overlap others or start"
                f" past the end at {size:,}"
            )
        end = last + bin_size


def _write(
    partial: Path,
    path: Path,
    header: list[tuple[str, int]],
    by_chrom: Mapping[str, list[Run]],
    bin_size: int,
) -> None:
    try:
        file = pyBigWig.open(str(partial), "w")
        file.addHeader(header)
        for name, size in header:
            for run in by_chrom[name]:
                _add_run(file, run, size, bin_size)
        file.close()
    except RuntimeError as error:
        partial.unlink(missing_ok=True)
        raise SeqcastError(f"{path}: pyBigWig cannot write it ({error})") from None


def _add_run(file, run: Run, size: int, bin_size: int) -> None:
    values = np.ascontiguousarray(run.values, dtype="<f4")
    whole = min(len(values), (size - run.start) // bin_size)
    if whole:
        file.addEntries(run.chrom, run.start, values=values[:whole], span=bin_size, step=bin_size)
    if whole < len(values):
        start = run.start + whole * bin_size
        file.addEntries([run.chrom], [start], ends=[size], values=[float(values[whole])])


def _check_same(
    partial: Path,
    path: Path,
    by_chrom: Mapping[str, list[Run]],
    chrom_sizes: Mapping[str, int],
    bin_size: int,
) -> None:
    """Read everything back: pyBigWig does not say when a disk is full."""
    try:
        with pyBigWig.open(str(partial)) as file:
            same = set(file.chroms()) == set(by_chrom) and all(
                _holds(file, name, runs, chrom_sizes[name], bin_size)
                for name, runs in by_chrom.items()
            )
    except RuntimeError:
        same = False
    if not same:
        partial.unlink(missing_ok=True)
        raise SeqcastError(f"{path}: what was written does not read back the same; is there space?")


def _holds(file, name: str, runs: list[Run], size: int, bin_size: int) -> bool:
    found = file.intervals(name) or ()
    starts, ends, values = (np.array(column) for column in zip(*found, strict=True))
    wanted_starts = np.concatenate(
        [run.start + bin_size * np.arange(len(run.values)) for run in runs]
    )
    wanted = np.concatenate([run.values for run in runs]).astype(np.float32)
    return (
        np.array_equal(starts, wanted_starts)
        and np.array_equal(ends, np.minimum(wanted_starts + bin_size, size))
        and np.array_equal(values.astype(np.float32), wanted)
    )
