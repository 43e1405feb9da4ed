"""Write runs of bins as they come, with zoom levels, and the header last."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seqcast.core.disk import written_whole
from seqcast.core.errors import SeqcastError
from seqcast.genome.bigwig.layout import (
    CHROMS_AT,
    ITEMS,
    MAGIC,
    Blocks,
    pack_chroms,
    pack_header,
    pack_index,
    pack_section,
)
from seqcast.genome.bigwig.reading import Written, check_same
from seqcast.genome.bigwig.runs import Bins, Run, check_runs, check_sizes, gather_bins
from seqcast.genome.bigwig.zooms import Zooms, sum_totals

_LONG = 64  # bins without a gap that are worth a block of their own
_COUNT = struct.Struct("<Q")  # of blocks, before the first


def write_bigwig(
    path: Path, chrom_sizes: Mapping[str, int], runs: Iterable[Run], bin_size: int
) -> None:
    """Write runs of bins as a bigWig with zoom levels, run by run.

    Runs come sorted by chromosome, in byte order, and by start; memory does not grow with their
    number. Only chromosomes that have values are named, but the file keeps room for the names of
    all in `chrom_sizes`. A last bin is cut at its chromosome's end. The file gets its name after
    pybigtools has read it back and found the same.

    Raises `SeqcastError` where there is nothing to write or runs are not as they must be, and
    `OSError` with the file's name where the disk is full.
    """
    check_sizes(path, chrom_sizes)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        with open(partial, "wb") as file:
            written = _write(file, path, chrom_sizes, runs, bin_size)
        check_same(partial, path, written)


def _write(
    file: BinaryIO, path: Path, chrom_sizes: Mapping[str, int], runs: Iterable[Run], bin_size: int
) -> Written:
    # Which chromosomes have values is known at the end: until then there is room for all.
    data_at = CHROMS_AT + len(pack_chroms(chrom_sizes))
    file.write(bytes(data_at + _COUNT.size))
    blocks, written = Blocks(file, file.tell()), Written()
    runs = check_runs(path, chrom_sizes, runs, bin_size)
    with Zooms(bin_size, path.parent) as zooms:
        for bins in gather_bins(runs, written.ids, chrom_sizes, bin_size):
            written.add(bins)
            zooms.add(bins)
            _write_sections(blocks, bins, bin_size)
        if not written.ids:
            raise SeqcastError(f"{path}: there is no finite value to write")
        written.sizes = {name: chrom_sizes[name] for name in written.ids}
        _finish(file, data_at, blocks, zooms, written)
    return written


def _finish(file: BinaryIO, data_at: int, blocks: Blocks, zooms: Zooms, written: Written) -> None:
    """Write what follows the data, then what lies before it."""
    index_at = file.tell()
    file.write(pack_index(blocks.table, index_at, 1))
    largest, places = zooms.move(file)
    file.write(struct.pack("<I", MAGIC))
    written.totals, written.reductions = zooms.totals, [reduction for reduction, *_ in places]
    largest = max(largest, blocks.largest)
    file.seek(0)
    file.write(pack_header(data_at, index_at, largest, places, sum_totals(zooms.totals)))
    file.write(pack_chroms(written.sizes))
    file.seek(data_at)
    file.write(_COUNT.pack(len(blocks.table)))


def _write_sections(blocks: Blocks, bins: Bins, bin_size: int) -> None:
    for here in split_sections(bins, bin_size):
        chrom, starts, ends, values = (column[here] for column in bins)
        first, last = (int(chrom[0]), int(starts[0])), (int(chrom[0]), int(ends[-1]))
        span = int(ends[0]) - first[1]
        raw = pack_section(first[0], starts, last[1], span, values)
        blocks.write(raw, first, last)


def split_sections(bins: Bins, bin_size: int) -> Iterator[slice]:
    """Yield the bins of each section: of one chromosome and one span, at most `ITEMS`.

    Long runs are sections of their own, which need no starts; neighbouring short ones share one.
    """
    new = np.append(True, np.diff(bins.chrom) != 0)
    short = bins.end - bins.start != bin_size
    alone = new | short | np.append(False, short[:-1])
    gap = np.append(True, bins.start[1:] != bins.end[:-1])
    firsts = np.flatnonzero(alone | gap)
    long = np.diff(np.append(firsts, len(gap))) >= _LONG
    cut = alone[firsts] | long | np.append(False, long[:-1])
    edges = [*firsts[cut].tolist(), len(gap)]
    for start, end in pairwise(edges):
        for at in range(start, end, ITEMS):
            yield slice(at, min(at + ITEMS, end))
