"""Read bigWigs into cells: so many bases each, the same for all tracks."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import numpy as np

from seqcast.errors import SeqcastError
from seqcast.sources.genome.bigwig import BigWig

# Bases read at once: of 0.25 to 16 Mb this was the fastest, as it stays in the processor's cache.
_BLOCK = 1 << 18
# Fewer bases than this, over all tracks, are read sooner than processes are started.
_WORTH_PROCESSES = 1_000_000_000


@dataclass(frozen=True)
class Reading:
    """A contig of a bigWig to read: by the track's own name, cells of `cell` bases, whole bins."""

    path: Path
    contig: str
    length: int
    cell: int
    bin_size: int
    stat: str = "sum"


@dataclass(frozen=True)
class Cells:
    """What a contig's cells hold, (cells,) float32, and which have a value at all, (cells,) bool.

    Without a value a cell is 0. A track below 0 is turned: `lowest` and `highest` are as read.
    """

    values: np.ndarray
    has_data: np.ndarray
    lowest: float
    highest: float


def read_cells(reading: Reading) -> Cells:
    """Read a contig: the sum over each cell's bases, or their median or maximum.

    Bases without an entry, or with NaN, count as 0, as in Basenji; sums are made in float64. The
    contig is padded with 0 to whole bins. Raises `SeqcastError` where a value is infinite or the
    file cannot be read.
    """
    cell, length = reading.cell, reading.length
    size = -(-length // reading.bin_size) * (reading.bin_size // cell)
    values, has_data = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=bool)
    lowest, highest = 0.0, 0.0
    step = max(1, _BLOCK // cell) * cell
    with BigWig(reading.path) as track:
        for start in range(0, length, step):
            block = _read_block(track, reading, start, min(length, start + step))
            missing = np.isnan(block)
            block[missing] = 0
            low, high = float(block.min()), float(block.max())
            if np.isinf(low) or np.isinf(high):
                raise _infinite(reading, start, block)
            lowest, highest = min(lowest, low), max(highest, high)
            if low < 0 and high <= 0:
                np.abs(block, out=block)
            here = slice(start // cell, start // cell + block.size // cell)
            values[here] = _pool(block.reshape(-1, cell), reading.stat)
            has_data[here] = ~missing.reshape(-1, cell).all(axis=1)
    return Cells(values, has_data, lowest, highest)


def find_processes(bases: int, threads: int) -> int:
    """Return how many processes to read so many bases with, counted over all tracks."""
    return threads if bases > _WORTH_PROCESSES else 1


def read_groups(groups: Iterable[list[Reading]], processes: int) -> Iterator[list[Cells]]:
    """Read each group of contigs with so many processes at once, in the order given.

    At most two groups are in memory. Raises what `read_cells` raises.
    """
    if processes == 1:
        yield from ([read_cells(each) for each in group] for group in groups)
        return
    # Threads would wait for Python's lock.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    waiting: deque[list[Future[Cells]]] = deque()
    try:
        for group in groups:
            with _bare_main():
                waiting.append([pool.submit(read_cells, each) for each in group])
            if len(waiting) > 1:
                yield [each.result() for each in waiting.popleft()]
        while waiting:
            yield [each.result() for each in waiting.popleft()]
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


def _pool(block: np.ndarray, stat: str) -> np.ndarray:
    """Make one value of each row of bases."""
    if stat == "max":
        return block.max(axis=1)
    if stat == "median":
        return np.median(block, axis=1)
    return block.sum(axis=1, dtype=np.float64)


def _infinite(reading: Reading, start: int, block: np.ndarray) -> SeqcastError:
    places = np.flatnonzero(np.isinf(block))
    return SeqcastError(
        f"{reading.path}: {reading.contig} has {places.size:,} infinite values from base"
        f" {start + int(places[0]):,} on, wanted finite ones; make the track again without them"
    )
