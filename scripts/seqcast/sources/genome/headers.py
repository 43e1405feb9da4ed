"""What the header of a track says: its contigs, and a summary of its values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome.entries import summarise
from seqcast.sources.genome.opening import open_track


@dataclass(frozen=True)
class Header:
    """Contigs of a track with their lengths, and a summary of all its values.

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
    """Read a track's header; takes no time, however large the file.

    Where it has no summary, or one that NaN among the values has spoilt, all entries are read.
    Raises what `open_track` raises.
    """
    path = Path(path)
    with open_track(path) as track:
        contigs, summary = track.contigs, track.summary()
    if not contigs:
        raise SeqcastError(f"{path}: names no contigs; make it anew")
    if not math.isfinite(summary[-1]):
        return Header(path, contigs, *summarise(path))
    return Header(path, contigs, *summary)
