"""Open a track of coverage: the one place that knows which formats can be read."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome.bigwig import MAGIC, BigWig

_BIGBED = 0x8789F2EB


class TrackReader(Protocol):
    """What a reader of a format gives, used in a `with`; all raises `SeqcastError` on damage.

    `contigs` maps names to lengths, in the file's order.
    """

    contigs: Mapping[str, int]

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def summary(self) -> tuple[int, float, float, float]:
        """Return bases with a value, least, most and sum, NaN where the file does not say."""

    def values(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return a value for each base, (end - start,) float32, NaN where there is none."""

    def entries_between(
        self, contig: str, start: int, end: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return starts, ends and values of the entries between two bases, cut off at these."""

    def entries(self, contig: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield bases and values of a contig's entries, (entries,) each, some at a time."""


def open_track(path: Path) -> TrackReader:
    """Open a track with the reader of its format, which its first bytes tell.

    Raises `SeqcastError` in one line where it is not there, of no such format, or cut short.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise SeqcastError(f"{path}: {what}; wanted a bigWig, named in the targets table")
    try:
        with path.open("rb") as file:
            head = file.read(12)
        if head[:4] == MAGIC.to_bytes(4, "little"):
            return BigWig(path)
    except OSError as error:
        raise SeqcastError(f"{path}: cannot be read ({error.strerror})") from None
    raise SeqcastError(f"{path}: {_describe(head)}")


def _describe(head: bytes) -> str:
    """Say what a file is that begins like this, and what to do."""
    magic = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    if not head:
        return "is empty, wanted a bigWig"
    if MAGIC in magic:
        return "is a bigWig of a big-endian machine; make it anew with bedGraphToBigWig"
    if _BIGBED in magic:
        return "is bigBed, which holds features, not coverage; wanted a bigWig"
    if head.startswith(b"\x1f\x8b"):
        return "is gzip, wanted a bigWig; unpack it, and make a bigWig of it if it is text"
    if head.lstrip()[:1] == b"<":
        return "is a web page, not a bigWig; download the file itself"
    start = head.decode("latin-1")
    shown = f"begins with {start!r}" if start.isprintable() else "does not begin as one"
    return f"is not a bigWig ({shown}); make one with bedGraphToBigWig or bamCoverage"
