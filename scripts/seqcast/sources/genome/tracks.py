"""Read bigWigs into cells of some bases, the same number for all tracks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.data.layout import WHOLE_BINS
from seqcast.sources.genome.opening import TrackReader, open_track

# Bases read at once: of 0.25 to 16 Mb this was the fastest, as it stays in the processor's cache.
_BLOCK = 1 << 18
# Entries of fewer bases each are read faster base by base.
_BASES_AN_ENTRY = 8
# What is put together at a time: bytes of cells, over all tracks, and bases at most.
_TOGETHER = 1 << 24
_MOST_BASES = 1 << 22
_BYTES_A_CELL = 4


class Stretch(NamedTuple):
    """Bases of a contig, which begin with a bin, and end with one or with the contig."""

    contig: str
    start: int
    end: int

    def count_bins(self, bin_size: int) -> int:
        """Return how many bins it has, the contig's last one counted as a whole."""
        return -(-(self.end - self.start) // bin_size)


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
    """Read a stretch of a file that is opened for it; see `read_stretch`."""
    with open_track(reading.path) as track:
        return read_stretch(track, reading)


def read_stretch(track: TrackReader, reading: Reading) -> Cells:
    """Read a stretch of an open file: the sum over each cell's bases, or their median or maximum.

    Bases without an entry, or with NaN, are 0, as in Basenji, Borzoi and ChromBPNet. With
    `missing: unknown` they are taken to be like the others of their cell, which is NaN where they
    are more than half. Sums are made in float64; at the contig's end the stretch is padded with
    missing bases to whole bins. Raises `SeqcastError` where a value is infinite or the file cannot
    be read.
    """
    cell = reading.cell
    bins = -(-(reading.end - reading.start) // reading.bin_size)
    size = bins * (reading.bin_size // cell)
    values = np.full(size, 0 if reading.missing == "zero" else np.nan, dtype=np.float32)
    lowest, highest = 0.0, 0.0
    step = max(1, _BLOCK // cell) * cell
    for start in range(reading.start, reading.end, step):
        end = min(reading.end, start + step)
        entries = track.entries_between(reading.contig, start, end)
        if reading.stat == "sum" and reading.missing == "zero" and _is_plain(entries, end - start):
            low, high = float(entries[2].min(initial=0)), float(entries[2].max(initial=0))
            lowest, highest = min(lowest, low), max(highest, high)
            sums = _add_up(entries, start, -(-(end - start) // cell), cell)
            first = (start - reading.start) // cell
            values[first : first + len(sums)] = np.abs(sums) if high <= 0 else sums
            continue
        block = _read_block(track, reading, start, end)
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


def cut_stretches(
    lengths: Mapping[str, int], cell: int, bin_size: int, tracks: int
) -> list[list[Stretch]]:
    """Cut contigs, one after the other, into stretches, of which as many bins lie together.

    The cells of so many tracks on those that are together take 16 MiB, or of few bins little more.
    """
    bases = min(_TOGETHER // (_BYTES_A_CELL * max(tracks, 1)) * cell, _MOST_BASES)
    # Where it ends a dataset's chunk does too.
    most = max(bases // bin_size // WHOLE_BINS, 1) * WHOLE_BINS
    together: list[list[Stretch]] = []
    room = 0
    for name, length in lengths.items():
        start = 0
        while start < length:
            if not room:
                together.append([])
                room = most
            stretch = Stretch(name, start, min(start + room * bin_size, length))
            together[-1].append(stretch)
            room -= stretch.count_bins(bin_size)
            start = stretch.end
    return together


def _read_block(track: TrackReader, reading: Reading, start: int, end: int) -> np.ndarray:
    """Read values per base, NaN where there are none, padded with NaN to whole cells."""
    block = track.values(reading.contig, start, end)
    short = -block.size % reading.cell
    return np.pad(block, (0, short), constant_values=np.nan) if short else block


def _is_plain(entries: tuple[np.ndarray, np.ndarray, np.ndarray], bases: int) -> bool:
    """Say whether entries are added up faster than bases: finite, few, and none over another."""
    starts, ends, values = entries
    return bool(
        len(values) < bases // _BASES_AN_ENTRY
        and np.isfinite(values).all()
        and (starts[1:] >= ends[:-1]).all()
    )


def _add_up(
    entries: tuple[np.ndarray, np.ndarray, np.ndarray], start: int, count: int, cell: int
) -> np.ndarray:
    """Return the sums of `count` cells from base `start` on, (count,) float64.

    The cell that an entry begins in and the one that it ends in get its value times its bases
    there; cells between, which no other entry has, all its bases.
    """
    starts, ends = entries[0] - start, entries[1] - start
    values = entries[2].astype(np.float64)
    head, tail = starts // cell, ends // cell
    in_head = np.minimum(ends, (head + 1) * cell) - starts
    in_tail = np.where(tail > head, ends - tail * cell, 0)
    # An entry that ends with the last cell has no base in the one after it.
    sums = np.bincount(head, values * in_head, minlength=count + 1)
    sums += np.bincount(tail, values * in_tail, minlength=count + 1)
    # Gaps and the cells between in turn, a gap first and last.
    turns = np.zeros(2 * len(values) + 1)
    turns[1::2] = values * cell
    edges = np.empty(2 * len(values) + 2, dtype=np.int64)
    edges[0], edges[-1] = 0, count
    edges[1:-1:2] = head + 1
    edges[2:-1:2] = np.maximum(tail, head + 1)
    return sums[:count] + np.repeat(turns, np.diff(edges))


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
