"""What the first bytes of a bigWig say: its contigs, and a summary of its values.

Layout: Kent et al. 2010, Bioinformatics 26:2204, supplement; numbers are little-endian.
"""

import math
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome.bigwig import HEADER, INDEX_HEADER, MAGIC, BigWig
from seqcast.sources.genome.entries import summarise

_BIGBED = 0x8789F2EB
_ZOOM = struct.Struct("<IIQQ")
_SUMMARY = struct.Struct("<Qdddd")


@dataclass(frozen=True)
class Header:
    """Contigs of a bigWig with their lengths, and a summary of all its values.

    `covered` counts bases with a value; `least`, `most` and `total` are of those. `nan` counts
    bases with an entry that is NaN.
    """

    path: Path
    contigs: Mapping[str, int]
    covered: int
    least: float
    most: float
    total: float
    nan: int = 0

    @property
    def mean(self) -> float:
        """Mean over the covered bases, 0 where there are none."""
        return self.total / self.covered if self.covered else 0.0

    @property
    def share(self) -> float:
        """Share of the bases of its contigs that have a value.

        Some writers count bases twice; the share is 1 at most.
        """
        return min(1.0, self.covered / max(sum(self.contigs.values()), 1))


def read_header(path: Path) -> Header:
    """Read a bigWig's header; takes no time, however large the file.

    Where it has no summary, or one that NaN among the values has spoilt, all entries are read.
    Raises `SeqcastError` in one line where it is not there, not bigWig, or cut short.
    """
    path = Path(path)
    summary = _check_bytes(path)
    with BigWig(path) as file:
        contigs = file.contigs
    if not contigs:
        raise SeqcastError(f"{path}: names no contigs; make it anew")
    if not math.isfinite(summary[-1]):
        return Header(path, contigs, *summarise(path))
    return Header(path, contigs, *summary)


def _check_bytes(path: Path) -> tuple[int, float, float, float]:
    """Return covered bases, minimum, maximum and sum, or raise where it is no whole bigWig."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise SeqcastError(f"{path}: {what}; wanted a bigWig, named in the targets table")
    size = path.stat().st_size
    try:
        with open(path, "rb") as file:
            head = file.read(HEADER.size)
            _check_magic(path, head)
            return _read_summary(path, file, head, size)
    except OSError as error:
        raise SeqcastError(f"{path}: cannot be read ({error.strerror})") from None


def _check_magic(path: Path, head: bytes) -> None:
    if not head:
        raise SeqcastError(f"{path}: is empty, wanted a bigWig")
    magic = int.from_bytes(head[:4], "little")
    swapped = int.from_bytes(head[:4], "big")
    if magic == MAGIC:
        return
    if swapped == MAGIC:
        what = "is a bigWig of a big-endian machine; make it anew with bedGraphToBigWig"
    elif _BIGBED in (magic, swapped):
        what = "is bigBed, which holds features, not coverage; wanted a bigWig"
    elif head.startswith(b"\x1f\x8b"):
        what = "is gzip, wanted a bigWig; unpack it, and make a bigWig of it if it is text"
    elif head.lstrip()[:1] == b"<":
        what = "is a web page, not a bigWig; download the file itself"
    else:
        start = head[:12].decode("latin-1")
        shown = f"begins with {start!r}" if start.isprintable() else "does not begin as one"
        what = f"is not a bigWig ({shown}); make one with bedGraphToBigWig or bamCoverage"
    raise SeqcastError(f"{path}: {what}")


def _read_summary(
    path: Path, file: BinaryIO, head: bytes, size: int
) -> tuple[int, float, float, float]:
    """Hold every offset that the header names against the file's size; return the summary."""
    wanted = HEADER.size
    if len(head) == HEADER.size:
        _, _, zooms, tree, data, index, _, _, _, summary, _, _ = HEADER.unpack(head)
        levels = file.read(_ZOOM.size * zooms)
        wanted += _ZOOM.size * zooms
        places = [tree, data, index + INDEX_HEADER, summary + (_SUMMARY.size if summary else 0)]
        if len(levels) == _ZOOM.size * zooms:
            places += [level[3] + INDEX_HEADER for level in _ZOOM.iter_unpack(levels)]
        wanted = max(wanted, *places)
    if size < wanted:
        raise SeqcastError(
            f"{path}: is cut short: it has {size:,} bytes, its header speaks of {wanted:,} at"
            " least; copy or download it again"
        )
    if not summary:
        return 0, math.nan, math.nan, math.nan
    file.seek(summary)
    covered, least, most, total, _ = _SUMMARY.unpack(file.read(_SUMMARY.size))
    # libBigWig looks for the highest from the least positive number on: so it is left below 0.
    return covered, least, 0.0 if most == sys.float_info.min else most, total
