"""How much a window has in common with the place that most resembles it."""

from dataclasses import dataclass

import numpy as np

from seqcast.genome import N, reverse_complement
from seqcast.locating.kmers import K
from seqcast.sources.genome.fasta import Fasta


@dataclass(frozen=True)
class Nearest:
    """The place that most resembles a window, roughly, and the share of bases in common."""

    contig: str
    start: int
    end: int
    strand: int
    shared: float


def find_nearest(fasta: Fasta, codes: np.ndarray, near: np.ndarray) -> Nearest:
    """Measure what a window's codes (length,) share with a place (votes, contig, start, strand).

    Shared are the known bases that lie in a 32-mer which the place has too, a quarter of the window
    to either side of it included, so that insertions and deletions do no harm.
    """
    _, contig, start, strand = near.tolist()
    name = list(fasta.index)[contig]
    length = fasta.index[name].rlen
    margin = codes.size // 4
    theirs = fasta.read(name, max(0, start - margin), min(start + codes.size + margin, length))
    ours = codes if strand > 0 else reverse_complement(codes)
    shared = _count_shared(ours, theirs) / max(1, np.count_nonzero(ours != N))
    return Nearest(name, start, start + codes.size, strand, round(shared, 6))


def _count_shared(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Count the bases that lie in 32-mers which both sides have."""
    kmers, positions = _find_kmers(ours)
    # Sorted questions go through the sorted answers from left to right, within the cache.
    order = np.argsort(kmers)
    kmers, positions = kmers[order], positions[order]
    known = np.sort(_find_kmers(theirs)[0])
    if not known.size:
        return 0
    place = np.minimum(np.searchsorted(known, kmers), known.size - 1)
    found = positions[known[place] == kmers]
    edges = np.zeros(ours.size + 1, dtype=np.int64)
    edges[found] += 1
    edges[found + K] -= 1
    return int(np.count_nonzero(np.cumsum(edges[:-1])))


def _find_kmers(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all 32-mers without N and their positions, by doubling their length five times."""
    packed = (codes & 3).astype(np.uint64)
    size = 1
    while size < K:
        packed = (packed[:-size] << np.uint64(2 * size)) | packed[size:]
        size *= 2
    unknown = np.cumsum(np.concatenate([[0], codes == N]))
    positions = np.flatnonzero(unknown[K:] == unknown[:-K])
    return packed[positions], positions
