"""Read a bigWig back, with readers that share no code with the writer."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig

from seqcast.core.errors import SeqcastError
from seqcast.genome.bigwig.runs import Bins
from seqcast.genome.bigwig.zooms import LARGEST, NONE, Records

_INTERVAL = np.dtype([("start", "<u4"), ("end", "<u4"), ("value", "<f4")])
_BATCH = 1 << 16  # intervals that are read at a time
# For each question pybigtools copies its list of chromosomes, which takes minutes where they are
# 40,000: then pyBigWig reads the short ones.
_MANY, _SHORT = 1000, 1_000_000


@dataclass
class Written:
    """What a reader must find.

    `ids` counts the chromosomes from 0, `checksums` has one of the bins of each, and `totals` one
    record each; `reductions` are the bases of a record of each zoom level.
    """

    ids: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    checksums: list[int] = field(default_factory=list)
    totals: Records = NONE
    reductions: list[int] = field(default_factory=list)

    def add(self, bins: Bins) -> None:
        """Add the next bins to the checksums."""
        edges = [0, *np.flatnonzero(np.diff(bins.chrom)) + 1, len(bins.chrom)]
        self.checksums += [0] * (int(bins.chrom[-1]) + 1 - len(self.checksums))
        for first, last in pairwise(edges):
            chrom = int(bins.chrom[first])
            intervals = _pack(*(column[first:last] for column in bins[1:]))
            self.checksums[chrom] = zlib.crc32(intervals, self.checksums[chrom])


def _pack(starts: np.ndarray, ends: np.ndarray, values: np.ndarray) -> bytes:
    intervals = np.empty(len(starts), dtype=_INTERVAL)
    intervals["start"], intervals["end"], intervals["value"] = starts, ends, values
    return intervals.tobytes()


def check_same(partial: Path, path: Path, written: Written) -> None:
    """Refuse a file, to be named `path`, in which a reader finds other than what was written.

    All chromosomes and bins are compared, and of each zoom level the totals of three chromosomes:
    the first, the last and the one with most bases.
    """
    try:
        wrong = _find_difference(partial, written)
    except (pybigtools.BBIReadError, KeyError, RuntimeError) as error:
        wrong = str(error)
    if wrong:
        raise SeqcastError(
            f"{path}: what was written does not read back the same ({wrong}); check the disk, then"
            " run it again"
        )


def _find_difference(partial: Path, written: Written) -> str:
    # Of a path, pybigtools wants the ending.
    with open(partial, "rb") as stream, pybigtools.open(stream) as file:
        if list(file.chroms().items()) != list(written.sizes.items()):
            return "other chromosomes"
        with pyBigWig.open(str(partial)) as other:
            for name, checksum in zip(written.sizes, written.checksums, strict=True):
                many = len(written.sizes) > _MANY and written.sizes[name] <= _SHORT
                found = other.intervals(name) or () if many else file.records(name)
                if _checksum(found) != checksum:
                    return f"other values on {name}"
        if file.zooms() != written.reductions:
            return "other zoom levels"
        names, totals = list(written.sizes), written.totals
        for chrom in {0, len(names) - 1, int(np.argmax(totals.bases))}:
            wanted = Records(*(column[chrom] for column in totals))
            for reduction in written.reductions:
                if not _is_total(file, names[chrom], reduction, wanted):
                    return f"other sums of {reduction:,} bp on {names[chrom]}"
    return ""


def _checksum(found: Iterable[tuple[int, int, float]]) -> int:
    checksum, numbers = 0, chain.from_iterable(found)
    # 32-bit numbers are exact in 64-bit floats, and one type is read faster than three.
    while (part := np.fromiter(islice(numbers, 3 * _BATCH), dtype=np.float64)).size:
        checksum = zlib.crc32(_pack(*part.reshape(-1, 3).T), checksum)
    return checksum


def _is_total(file, name: str, reduction: int, wanted: Records) -> bool:
    """Say whether the records of a zoom level have the sums and extremes of a chromosome."""
    records = [record for *_, record in file.zoom_records(reduction, name)]
    fields = ("bases_covered", "min_val", "max_val", "sum", "sum_squares")
    bases, low, high, total, squares = (
        np.array([record[field] for record in records], dtype=np.float64) for field in fields
    )
    return (
        bases.sum() == wanted.bases
        and low.min() == np.float32(wanted.low)
        and high.max() == np.float32(wanted.high)
        and _is_sum(total, wanted.total)
        and _is_sum(squares, wanted.squares)
    )


def _is_sum(parts: np.ndarray, wanted: float) -> bool:
    size = np.abs(parts)
    return size.max() >= LARGEST or abs(parts.sum() - wanted) <= 1e-6 * size.sum()
