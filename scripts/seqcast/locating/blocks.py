"""A contig of a FASTA in blocks, in memory that does not grow with the contig."""

from collections.abc import Iterator

import numpy as np

from seqcast.sources.genome.fasta import Fasta


def read_blocks(
    fasta: Fasta, name: str, block: int, overlap: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield start and codes of blocks of a contig, each with `overlap` bases of the next."""
    length = fasta.index[name].rlen
    for start in range(0, length, block):
        yield start, fasta.read(name, start, min(start + block + overlap, length))
