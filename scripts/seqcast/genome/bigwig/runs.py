"""Runs of neighbouring bins: cut at gaps, checked, and gathered into arrays."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.errors import SeqcastError

_MOST_BASES = 2**32 - 1  # positions are 32 bits wide
_BATCH = 1 << 16  # bins that are worked on at a time


@dataclass(frozen=True)
class Run:
    """Neighbouring bins of a chromosome: `values` (bins,) from `start` on, all finite."""

    chrom: str
    start: int
    values: np.ndarray


class Bins(NamedTuple):
    """Bins of one chromosome or several, ascending: four arrays (bins,).

    `chrom` counts the chromosomes from 0 in the order in which they come.
    """

    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    value: np.ndarray


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


def check_sizes(path: Path, chrom_sizes: Mapping[str, int]) -> None:
    """Refuse chromosomes that are longer than a bigWig can hold."""
    name = max(chrom_sizes, key=lambda name: chrom_sizes[name], default="")
    if name and chrom_sizes[name] > _MOST_BASES:
        raise SeqcastError(
            f"{path}: {name} has {chrom_sizes[name]:,} bases; a bigWig holds {_MOST_BASES:,} of a"
            " chromosome at most: split it"
        )


def check_runs(
    path: Path, chrom_sizes: Mapping[str, int], runs: Iterable[Run], bin_size: int
) -> Iterator[Run]:
    """Yield the runs with values as little-endian float32, refusing what no bigWig can hold.

    Raises `SeqcastError` that names the place where runs are not sorted by chromosome (in byte
    order) and start, overlap, pass a chromosome's end, or hold what is not finite as float32.
    """
    chrom, end = None, 0
    for run in runs:
        if run.chrom != chrom:
            _check_chrom(path, chrom_sizes, run.chrom, chrom)
            chrom, end = run.chrom, 0
        if not len(run.values):
            continue
        size, last = chrom_sizes[chrom], run.start + (len(run.values) - 1) * bin_size
        if run.start < end or last >= size:
            raise SeqcastError(
                f"{path}: bins at {chrom}:{run.start:,}-{last + bin_size:,} overlap others or start"
                f" past the end at {size:,}"
            )
        end = last + bin_size
        yield Run(chrom, run.start, _to_float32(path, run, bin_size))


def _check_chrom(
    path: Path, chrom_sizes: Mapping[str, int], chrom: str, previous: str | None
) -> None:
    if chrom not in chrom_sizes:
        raise SeqcastError(f"{path}: values on {chrom}, which the genome does not have")
    if previous is not None and chrom.encode() <= previous.encode():
        raise SeqcastError(
            f"{path}: runs of {chrom} after those of {previous}; chromosomes must come once each,"
            " sorted by the bytes of their names"
        )


def _to_float32(path: Path, run: Run, bin_size: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(run.values, dtype="<f4")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        place = f"{run.chrom}:{run.start + int(wrong[0]) * bin_size:,}"
        raise SeqcastError(
            f"{path}: {wrong.size:,} of {len(values):,} values are not finite as 32-bit floats, the"
            f" first ({run.values[wrong[0]]}) at {place}; leave unknown bins out"
        )
    return values


def gather_bins(
    runs: Iterable[Run], ids: dict[str, int], chrom_sizes: Mapping[str, int], bin_size: int
) -> Iterator[Bins]:
    """Join short runs and cut long ones, to work on about as many bins at a time.

    A last bin ends with its chromosome. Chromosomes are entered into `ids` as they come.
    """
    held, bins = [], 0
    for run in runs:
        for at in range(0, len(run.values), _BATCH):
            held.append(Run(run.chrom, run.start + at * bin_size, run.values[at : at + _BATCH]))
            bins += len(held[-1].values)
            if bins >= _BATCH:
                yield _join_runs(held, ids, chrom_sizes, bin_size)
                held, bins = [], 0
    if held:
        yield _join_runs(held, ids, chrom_sizes, bin_size)


def _join_runs(
    runs: list[Run], ids: dict[str, int], chrom_sizes: Mapping[str, int], bin_size: int
) -> Bins:
    lengths = np.array([len(run.values) for run in runs])
    chroms = np.repeat([ids.setdefault(run.chrom, len(ids)) for run in runs], lengths)
    # Counts from 0 in each run.
    steps = np.arange(len(chroms)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    starts = np.repeat([run.start for run in runs], lengths) + steps * bin_size
    sizes = np.repeat([chrom_sizes[run.chrom] for run in runs], lengths)
    ends = np.minimum(starts + bin_size, sizes)
    return Bins(chroms, starts, ends, np.concatenate([run.values for run in runs]))
