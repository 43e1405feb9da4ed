"""BED files as they are found, as intervals."""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.disk import read_unpacked
from seqcast.core.errors import SeqcastError

_SKIPPED = ("track", "browser")
# Of `splitlines` there are more, which names may hold.
_LINE_END = re.compile("\r\n|\r|\n")
_NARROW_PEAK = 10  # columns
_LONGEST = 1 << 40  # bases, more than any genome has


@dataclass(frozen=True)
class Bed:
    """Intervals by the file's own contig names, each (n, 2) int64 of start and end, as found."""

    path: Path
    intervals: Mapping[str, np.ndarray]

    @property
    def size(self) -> int:
        """Number of intervals."""
        return sum(map(len, self.intervals.values()))


class Region(NamedTuple):
    """A line of a BED file; `name` is "" where it has none."""

    contig: str
    start: int
    end: int
    name: str


def read_bed(path: Path) -> Bed:
    """Read the first three columns of a BED file by contig; see `read_regions`."""
    found: dict[str, list[tuple[int, int]]] = {}
    for region in read_regions(path):
        found.setdefault(region.contig, []).append((region.start, region.end))
    intervals = {name: np.array(each, dtype=np.int64) for name, each in found.items()}
    return Bed(Path(path), intervals)


def read_regions(path: Path) -> list[Region]:
    """Read the first four columns of a BED file, plain or gzip, narrowPeak and others alike.

    `track`, `browser` and `#` lines, blank ones and a header are passed over; columns are
    separated by tabs or spaces. Raises `SeqcastError` naming the first line that is not BED.
    """
    return [region for region, _ in _read_rows(Path(path))]


def read_peaks(path: Path) -> list[tuple[Region, int]]:
    """Read regions as `read_regions` does, each with its summit, a base of the contig.

    That is narrowPeak's, its tenth column; the middle where a line has none.
    """
    return [
        (region, region.start + _find_offset(region, line))
        for region, line in _read_rows(Path(path))
    ]


def _find_offset(region: Region, line: str) -> int:
    cells = line.split("\t") if "\t" in line else line.split()
    is_given = len(cells) == _NARROW_PEAK and cells[-1].isdecimal()
    offset, length = int(cells[-1]) if is_given else -1, region.end - region.start
    return offset if 0 <= offset < length else length // 2


def _read_rows(path: Path) -> list[tuple[Region, str]]:
    found: list[tuple[Region, str]] = []
    bad: list[str] = []
    for number, line in enumerate(_read_lines(path), start=1):
        cells = line.split()
        if not cells or cells[0].startswith("#") or cells[0] in _SKIPPED:
            continue
        if number == 1 and len(cells) > 2 and cells[1].lower() in ("start", "chromstart"):
            continue
        try:
            found.append((_to_region(line, cells), line.strip()))
        except ValueError as error:
            bad.append(f"line {number:,}: {error} ({line.strip()[:60]!r})")
    if bad:
        more = f"; and {len(bad) - 1:,} more such lines" if len(bad) > 1 else ""
        raise SeqcastError(f"{path}: {bad[0]}; wanted BED: contig, start, end{more}")
    return found


def merge_intervals(intervals: np.ndarray) -> np.ndarray:
    """Return intervals (n, 2) sorted, those that touch or overlap made one, empty ones left out."""
    intervals = intervals[intervals[:, 0] < intervals[:, 1]]
    if not len(intervals):
        return intervals.reshape(0, 2)
    starts, ends = intervals[np.argsort(intervals[:, 0], kind="stable")].T
    reach = np.maximum.accumulate(ends)
    first = np.concatenate([[True], starts[1:] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return np.stack([starts[first], reach[last]], axis=1)


def _read_lines(path: Path) -> Iterable[str]:
    try:
        content = read_unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise SeqcastError(f"{path}: cannot be read as BED ({error})") from None
    if b"\0" in content[:4096]:
        raise SeqcastError(f"{path}: is not text, wanted BED; of bigBed make it with bigBedToBed")
    return _LINE_END.split(content.decode("utf-8-sig", "replace"))


def _to_region(line: str, cells: list[str]) -> Region:
    if len(cells) < 3:
        raise ValueError(f"has {len(cells)} {'column' if len(cells) == 1 else 'columns'}")
    if not (cells[1].isdecimal() and cells[2].isdecimal()):
        raise ValueError(f"{cells[1]!r} and {cells[2]!r} are not a start and an end")
    start, end = int(cells[1]), int(cells[2])
    if end > _LONGEST:
        raise ValueError(f"ends at {end:.0e}, past any contig")
    if end < start:
        raise ValueError(f"ends at {end:,}, before its start at {start:,}")
    # A name may have spaces in it, where tabs separate the columns.
    columns = line.strip("\r\n").split("\t")
    names = columns[3:4] if len(columns) > 2 else cells[3:4]
    return Region(cells[0], start, end, names[0].strip() if names else "")
