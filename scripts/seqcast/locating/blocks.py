"""A contig of a FASTA in blocks, in memory that does not grow with the contig."""

from collections.abc import Iterator

import numpy as np

from seqcast.genome import encode
from seqcast.sources.genome.fasta import Fasta

_STRANGE = 5
# As `encode`, but letters that a genome cannot have stand out.
_CODES = np.full(256, _STRANGE, dtype=np.uint8)
_LETTERS = np.frombuffer(b"ACGTNRYSWKMBDHVXacgtnryswkmbdhvx-.", dtype=np.uint8)
_CODES[_LETTERS] = encode(_LETTERS.tobytes())
_TABLE = _CODES.tobytes()


def read_codes(fasta: Fasta, name: str, start: int, end: int) -> np.ndarray:
    """Read bases of a contig as codes, (end - start,) uint8; the interval must lie in the contig.

    Raises `SeqcastError` where letters are not DNA.
    """
    record = fasta.index[name]
    first_line, last_line = start // record.lenc, (end - 1) // record.lenc
    with open(fasta.plain, "rb") as file:
        file.seek(record.offset + first_line * record.lenb)
        content = file.read((last_line - first_line + 1) * record.lenb)
    content = content.ljust((last_line - first_line + 1) * record.lenb, b"N")
    lines = np.frombuffer(content.translate(_TABLE), dtype=np.uint8).reshape(-1, record.lenb)
    skipped = start - first_line * record.lenc
    codes = lines[:, : record.lenc].reshape(-1)[skipped : skipped + end - start]
    if codes.size and codes.max() == _STRANGE:
        fasta.letters(name)  # raises, with a count of what is strange
    return codes


def read_blocks(
    fasta: Fasta, name: str, block: int, overlap: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield start and codes of blocks of a contig, each with `overlap` bases of the next."""
    length = fasta.lengths[name]
    for start in range(0, length, block):
        yield start, read_codes(fasta, name, start, min(start + block + overlap, length))
