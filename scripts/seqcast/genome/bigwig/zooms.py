"""Zoom levels: summaries of ever longer pieces of the genome."""

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, Self

import numpy as np

from seqcast.genome.bigwig.layout import ITEMS, MOST_ZOOMS, Blocks, pack_index
from seqcast.genome.bigwig.runs import Bins

# As other writers do: below ten bins, levels take more room than the values.
_FIRST, _FACTOR = 16, 4
_IN_MEMORY = 1 << 20  # bytes of a level that need no file
LARGEST = float(np.finfo(np.float32).max)  # what a sum is cut to

_RECORD = np.dtype(
    [("chrom", "<u4"), ("start", "<u4"), ("end", "<u4"), ("bases", "<u4")]
    + [(name, "<f4") for name in ("low", "high", "total", "squares")]
)


class Records(NamedTuple):
    """Summaries of pieces of chromosomes, ascending: arrays (records,).

    `bases` with a value lie in [start, end); `low` and `high` are the extremes of their values,
    `total` and `squares` the sums of values and of squares, base by base.
    """

    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    bases: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    squares: np.ndarray


NONE = Records(*np.empty((4, 0), dtype=np.int64), *np.empty((4, 0)))


def split_bins(bins: Bins, reduction: int) -> Records:
    """Summarise each bin, one that lies across a multiple of `reduction` as its two parts."""
    across = bins.start // reduction != (bins.end - 1) // reduction
    parts = np.repeat(np.arange(len(across)), 1 + across)
    chrom, start, end, value = (column[parts] for column in bins)
    at = np.flatnonzero(across) + np.arange(np.count_nonzero(across))
    end[at] = start[at + 1] = start[at] // reduction * reduction + reduction
    bases, value = end - start, value.astype(np.float64)
    return Records(chrom, start, end, bases, value, value, bases * value, bases * value**2)


def merge_records(records: Records, reduction: int) -> Records:
    """Merge those records that lie between the same multiples of `reduction`."""
    if not len(records.start):
        return NONE
    piece = records.start // reduction
    new = (np.diff(piece) != 0) | (np.diff(records.chrom) != 0)
    first = np.append(0, np.flatnonzero(new) + 1)
    last = np.append(first[1:], len(piece)) - 1
    return Records(
        records.chrom[first],
        records.start[first],
        records.end[last],
        np.add.reduceat(records.bases, first),
        np.minimum.reduceat(records.low, first),
        np.maximum.reduceat(records.high, first),
        np.add.reduceat(records.total, first),
        np.add.reduceat(records.squares, first),
    )


def join_records(*parts: Records) -> Records:
    """Join records to one list."""
    return Records(*map(np.concatenate, zip(*parts, strict=True)))


def sum_totals(records: Records) -> tuple[int, float, float, float, float]:
    """Return bases, least and largest value, sum and sum of squares of all records together."""
    return (
        int(records.bases.sum()),
        float(records.low.min()),
        float(records.high.max()),
        float(records.total.sum()),
        float(records.squares.sum()),
    )


class _Level:
    """One zoom level, written into a file of its own until its place is known."""

    def __init__(self, reduction: int, folder: Path) -> None:
        self.reduction, self.count = reduction, 0
        self.file = SpooledTemporaryFile(_IN_MEMORY, dir=folder)  # noqa: SIM115 (Zooms closes it)
        self.blocks = Blocks(self.file, 0)
        self._open, self._unwritten = NONE, np.empty(0, dtype=_RECORD)

    def add(self, records: Records, end: bool) -> Records:
        """Add records in the order of the genome; return those of this level that are complete."""
        merged = merge_records(join_records(self._open, records), self.reduction)
        keep = 0 if end else 1
        self._open = Records(*(column[len(column) - keep :] for column in merged))
        merged = Records(*(column[: len(column) - keep] for column in merged))
        self._write(merged, end)
        return merged

    def _write(self, records: Records, end: bool) -> None:
        new = np.empty(len(records.start), dtype=_RECORD)
        for name, column in zip(_RECORD.names, records, strict=True):
            new[name] = np.clip(column, -LARGEST, LARGEST)
        self.count += len(new)
        waiting = np.concatenate([self._unwritten, new])
        whole = len(waiting) if end else len(waiting) // ITEMS * ITEMS
        for at in range(0, whole, ITEMS):
            block = waiting[at : min(at + ITEMS, whole)]
            first, last = block[0], block[-1]
            self.blocks.write(
                block.tobytes(), (first["chrom"], first["start"]), (last["chrom"], last["end"])
            )
        self._unwritten = waiting[whole:]

    def move(self, file: BinaryIO) -> tuple[int, int, int]:
        """Append the level to a file; return reduction, offset of the data and of the index."""
        data_at = file.tell()
        file.write(self.count.to_bytes(4, "little"))
        blocks = self.blocks.table.copy()
        blocks["offset"] += file.tell()
        self.file.seek(0)
        shutil.copyfileobj(self.file, file, _IN_MEMORY)
        index_at = file.tell()
        file.write(pack_index(blocks, index_at, ITEMS))
        return self.reduction, data_at, index_at


class Zooms:
    """All zoom levels of a file, from 16 bins a record on, each with a quarter of the records.

    To use as a context manager. `totals` holds a record a chromosome.
    """

    def __init__(self, bin_size: int, folder: Path) -> None:
        reductions = (_FIRST * bin_size * _FACTOR**power for power in range(MOST_ZOOMS))
        self._levels = [_Level(each, folder) for each in reductions if each < 2**32]
        self.totals = NONE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels:
            # What did not fit on a disk is tried again on closing.
            with suppress(OSError):
                level.file.close()

    def add(self, bins: Bins) -> None:
        """Add bins, which come in the order of the genome."""
        self._add(split_bins(bins, self._levels[0].reduction))

    def _add(self, records: Records, end: bool = False) -> None:
        for level in self._levels:
            records = level.add(records, end)
            if level is self._levels[0]:
                self.totals = merge_records(join_records(self.totals, records), 2**32)

    def move(self, file: BinaryIO) -> tuple[int, list[tuple[int, int, int]]]:
        """Append the levels to a file; return the largest block, and each level's place.

        Levels that have no fewer records than the one before are left out.
        """
        self._add(NONE, end=True)
        kept = self._levels[:1]
        for level in self._levels[1:]:
            if level.count < kept[-1].count:
                kept.append(level)
        return max(level.blocks.largest for level in kept), [level.move(file) for level in kept]
