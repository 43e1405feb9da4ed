"""DNA as numbers: codes, reverse complement, intervals, FASTA files.

Sequences are uint8 codes, 0..3 = A, C, G, T and 4 = N; intervals are 0-based and half-open.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqcast.disk import write_text

ALPHABET = "ACGTN"
N = 4

_CODES = np.full(256, N, dtype=np.uint8)
for _code, _base in enumerate(ALPHABET):
    _CODES[ord(_base)] = _CODES[ord(_base.lower())] = _code
_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
# The complement of N is N: 3 - 4 would wrap around in uint8.
_COMPLEMENT = np.array([3, 2, 1, 0, N], dtype=np.uint8)


def encode(sequence: str | bytes) -> np.ndarray:
    """Turn letters into codes, (length,) uint8; all but A, C, G, T in either case become N."""
    letters = sequence.encode() if isinstance(sequence, str) else sequence
    return _CODES[np.frombuffer(letters, dtype=np.uint8)]


def decode(codes: np.ndarray) -> str:
    """Turn codes (length,) into letters."""
    return _BASES[codes].tobytes().decode()


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Return the other strand of codes (..., length), read in its own direction."""
    return _COMPLEMENT[codes[..., ::-1]]


def tile(length: int, window: int, stride: int) -> np.ndarray:
    """Return the starts of all whole windows in `length` bases, (windows,) int64."""
    return np.arange(0, length - window + 1, stride, dtype=np.int64)


def write_fasta(path: Path, contigs: Iterable[tuple[str, np.ndarray]], width: int = 80) -> None:
    """Write contigs of codes as FASTA with its `.fai` index and a `.chrom.sizes` table beside it.

    All three appear under their names only when whole; the FASTA comes last.
    """
    sizes, index = [], []
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        for name, codes in contigs:
            file.write(f">{name}\n".encode())
            line = min(width, codes.size)
            index.append(f"{name}\t{codes.size}\t{file.tell()}\t{line}\t{line + 1}\n")
            sizes.append(f"{name}\t{codes.size}\n")
            letters = _BASES[codes]
            for start in range(0, codes.size, width * 8192):
                block = letters[start : start + width * 8192]
                whole = block.size // width * width
                lines = np.full((whole // width, width + 1), ord("\n"), dtype=np.uint8)
                lines[:, :width] = block[:whole].reshape(-1, width)
                file.write(lines.tobytes())
                if whole < block.size:
                    file.write(block[whole:].tobytes() + b"\n")
    # Written after the FASTA, the index is not older than it, which readers ask for.
    write_text(path.with_name(path.name + ".fai"), "".join(index))
    write_text(path.with_suffix(".chrom.sizes"), "".join(sizes))
    os.replace(partial, path)
