"""What a bigWig's entries say where its header does not: one look, without pooling them."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyBigWig

from seqcast.console import progress
from seqcast.errors import SeqcastError

# Bases looked at first, where a contig that has coverage shows it, and bases at most, which are
# tuples of Python: at one entry a base a quarter of a gigabyte.
_FIRST, _MOST = 1 << 12, 1 << 20


def find_covered(path: Path, lengths: Mapping[str, int]) -> frozenset[str]:
    """Return which contigs of a bigWig, by its own names, have a value other than 0.

    Exact: the entries themselves are read, as zoom levels of some writers lack values, but only
    up to a contig's first such value. Raises `SeqcastError` where they cannot be read.
    """
    with pyBigWig.open(str(path)) as track:
        return frozenset(
            name
            for name, length in lengths.items()
            if any(value and not math.isnan(value) for _, value in _read(track, path, name, length))
        )


def summarise(path: Path, lengths: Mapping[str, int]) -> tuple[int, float, float, float, int]:
    """Return what a header may lack: bases with a value, least, most and sum, bases with NaN.

    Reads all entries, of the contigs named.
    """
    bases, unknown, total, least, most = 0, 0, 0.0, math.inf, -math.inf
    with (
        pyBigWig.open(str(path)) as track,
        progress(sum(lengths.values()), f"summing {path.name}", "bases") as bar,
    ):
        for name, length in lengths.items():
            for size, value in _read(track, path, name, length):
                if math.isnan(value):
                    unknown += size
                    continue
                bases, total = bases + size, total + size * value
                least, most = min(least, value), max(most, value)
            bar.update(length)
    return (bases, least, most, total, unknown) if bases else (0, 0.0, 0.0, 0.0, unknown)


def _read(track: Any, path: Path, name: str, length: int) -> Iterator[tuple[int, float]]:
    """Yield bases and value of each entry of a contig, in order; few at a time are in memory."""
    start, step = 0, _FIRST
    while start < length:
        end = min(length, start + step)
        try:
            entries = track.intervals(name, start, end) or ()
        except RuntimeError:
            raise SeqcastError(
                f"{path}: {name}:{start:,}-{end:,} cannot be read; the file is damaged or cut"
                " short, so copy or download it again"
            ) from None
        for first, last, value in entries:
            # An entry across the edge of two looks belongs to both.
            yield min(last, end) - max(first, start), value
        start, step = end, min(2 * step, _MOST)
