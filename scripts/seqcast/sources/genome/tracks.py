"""Read bigWigs into cells of some bases, the same number for all tracks."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome.bigwig import BigWig

# Bases read at once: of 0.25 to 16 Mb this was the fastest, as it stays in the processor's cache.
_BLOCK = 1 << 18
# Fewer bases than this, over all tracks, are read sooner than processes are started.
_WORTH_PROCESSES = 1_000_000_000
# Bytes of cells, over all tracks, that are read together.
_TOGETHER = 1 << 27
_BYTES_A_CELL = 4


class Stretch(NamedTuple):
    """Bases of a contig, which begin with a bin, and end with one or with the contig."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """A stretch of a bigWig to read: by the track's own name, cells of `cell` bases, whole bins.

    `missing` says whether a base without an entry is `zero` or `unknown`.
    """

    path: Path
    contig: str
    start: int
    end: int
    cell: int
    bin_size: int
    stat: str = "sum"
    missing: str = "zero"


@dataclass(frozen=True)
class Cells:
    """What a stretch's cells hold, (cells,) float32, NaN where that is unknown.

    A track below 0 is turned: `lowest` and `highest` are as read.
    """

    values: np.ndarray
    lowest: float
    highest: float


def read_cells(reading: Reading) -> Cells:
    """Read a stretch of a file that is opened for it; see `read_file`."""
    return read_file([reading])[0]


def read_file(readings: Sequence[Reading]) -> list[Cells]:
    """Read stretches of one file, opened once: that takes milliseconds, more with more contigs.

    Raises `SeqcastError` where a value is infinite or the file cannot be read.
    """
    with BigWig(readings[0].path) as track:
        return [_read_stretch(track, reading) for reading in readings]


def _read_stretch(track: BigWig, reading: Reading) -> Cells:
    """Read a stretch: the sum over each cell's bases, or their median or maximum.

    Bases without an entry, or with NaN, are 0, as in Basenji, Borzoi and ChromBPNet. With
    `missing: unknown` they are taken to be like the others of their cell, which is NaN where they
    are more than half. Sums are made in float64; at the contig's end the stretch is padded with
    missing bases to whole bins.
    """
    cell = reading.cell
    bins = -(-(reading.end - reading.start) // reading.bin_size)
    size = bins * (reading.bin_size // cell)
    values = np.full(size, 0 if reading.missing == "zero" else np.nan, dtype=np.float32)
    lowest, highest = 0.0, 0.0
    step = max(1, _BLOCK // cell) * cell
    for start in range(reading.start, reading.end, step):
        block = _read_block(track, reading, start, min(reading.end, start + step))
        block = block.reshape(-1, cell)
        missing = np.isnan(block)
        block[missing] = 0
        low, high = float(block.min()), float(block.max())
        if np.isinf(low) or np.isinf(high):
            raise _infinite(reading, start, block)
        lowest, highest = min(lowest, low), max(highest, high)
        if low < 0 and high <= 0:
            np.abs(block, out=block)
        if reading.missing == "unknown":
            _fill(block, missing)
        first = (start - reading.start) // cell
        here = slice(first, first + len(block))
        values[here] = _pool(block, reading.stat)
        if reading.missing == "unknown":
            values[here][missing.mean(axis=1) > 0.5] = np.nan
    return Cells(values, lowest, highest)


def find_processes(bases: int, threads: int) -> int:
    """Return how many processes to read `bases` with, which are counted over all tracks."""
    return threads if bases > _WORTH_PROCESSES else 1


def cut_stretches(
    lengths: Mapping[str, int], cell: int, bin_size: int, tracks: int
) -> list[list[Stretch]]:
    """Cut contigs into stretches, and list those that are read at once.

    Short contigs are read together, so that a file is opened for many. Of so many tracks the cells
    of what is read at once take 128 MiB at most.
    """
    cells = _TOGETHER // (_BYTES_A_CELL * max(tracks, 1))
    most = max(cells * cell // bin_size, 1) * bin_size
    batches: list[list[Stretch]] = []
    room = 0
    for name, length in lengths.items():
        for start in range(0, length, most):
            end = min(start + most, length)
            if end - start > room:
                batches.append([])
                room = most
            batches[-1].append(Stretch(name, start, end))
            # A bin that the contig's end cuts short takes the room of a whole one.
            room -= -(-(end - start) // bin_size) * bin_size
    return batches


def read_groups(groups: Iterable[list[Reading]], processes: int) -> Iterator[list[Cells]]:
    """Read each group of stretches with several processes at once, in the order given.

    Stretches of one file that come one after the other are read together. At most two groups are in
    memory. Raises what `read_file` raises.
    """
    files = (
        [list(same) for _, same in groupby(group, key=lambda each: each.path)] for group in groups
    )
    if processes == 1:
        yield from ([cells for same in group for cells in read_file(same)] for group in files)
        return
    # Threads would wait for Python's lock.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    waiting: deque[list[Future[list[Cells]]]] = deque()
    try:
        for group in files:
            with _bare_main():
                waiting.append([pool.submit(read_file, same) for same in group])
            if len(waiting) > 1:
                yield [cells for same in waiting.popleft() for cells in same.result()]
        while waiting:
            yield [cells for same in waiting.popleft() for cells in same.result()]
    except BrokenProcessPool:
        raise SeqcastError(
            "reading bigWigs: a process was killed; either memory ran out (use fewer --cores), or"
            " one of the files is damaged (with --cores 1 the log ends at it)"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _bare_main() -> Iterator[None]:
    """Start workers without the running script, which they would otherwise run again.

    A workflow's script has no `if __name__ == "__main__"`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _read_block(track: BigWig, reading: Reading, start: int, end: int) -> np.ndarray:
    """Read values per base, NaN where there are none, padded with NaN to whole cells."""
    block = track.values(reading.contig, start, end)
    short = -block.size % reading.cell
    return np.pad(block, (0, short), constant_values=np.nan) if short else block


def _fill(block: np.ndarray, missing: np.ndarray) -> None:
    """Give the missing bases of a row, which are 0, the mean of its others."""
    known = np.maximum((~missing).sum(axis=1), 1)
    mean = block.sum(axis=1, dtype=np.float64) / known
    np.copyto(block, mean[:, None], where=missing, casting="same_kind")


def _pool(block: np.ndarray, stat: str) -> np.ndarray:
    """Make one value of each row of bases."""
    if stat == "max":
        return block.max(axis=1)
    if stat == "median":
        return np.median(block, axis=1)
    # A product with ones is a sum, and the fastest of rows as short as cells.
    return block.astype(np.float64) @ np.ones(block.shape[1])


def _infinite(reading: Reading, start: int, block: np.ndarray) -> SeqcastError:
    places = np.flatnonzero(np.isinf(block))
    return SeqcastError(
        f"{reading.path}: {reading.contig} has {places.size:,} infinite values from base"
        f" {start + int(places[0]):,} on, wanted finite ones; make the track again without them"
    )
