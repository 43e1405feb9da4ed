"""The genome's sequence, read in places that lie near each other."""

from functools import cached_property

import numpy as np

from seqcast.genome.codes import N
from seqcast.sources.genome.fasta import Fasta

# Bases that are read at once: places are asked for in order, mostly.
_BLOCK = 1 << 16


class GenomeSequence:
    """Read codes of an indexed FASTA; of a genome of any size it keeps one block."""

    def __init__(self, fasta: Fasta, block: int = _BLOCK) -> None:
        self._fasta, self._size = fasta, block
        self._contig, self._first, self._block = "", 0, np.empty(0, dtype=np.uint8)

    @cached_property
    def lengths(self) -> dict[str, int]:
        """Bases of each contig, in the file's order."""
        return self._fasta.lengths

    def read(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return the codes of a place, (end - start,) uint8; N beyond the contig's ends."""
        found = np.full(end - start, N, dtype=np.uint8)
        first, last = max(start, 0), min(end, self.lengths[contig])
        if first < last:
            found[first - start : last - start] = self._read_inside(contig, first, last)
        return found

    def _read_inside(self, contig: str, start: int, end: int) -> np.ndarray:
        is_there = contig == self._contig and self._first <= start
        if not is_there or end > self._first + len(self._block):
            last = min(max(end, start + self._size), self.lengths[contig])
            self._contig, self._first = contig, start
            self._block = self._fasta.read(contig, start, last)
        return self._block[start - self._first : end - self._first]
