"""FASTA files with their index, for a browser to lay tracks on."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seqcast.core.disk import written_whole
from seqcast.core.seal import seal_beside, write_sealed
from seqcast.genome.codes import ALPHABET

_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def write_fasta(
    path: Path, contigs: Iterable[tuple[str, np.ndarray]], width: int = 80, size: int = 0
) -> None:
    """Write contigs of codes as FASTA with its `.fai` index and a `.chrom.sizes` table beside it.

    All three appear under their names only when whole; the FASTA, of about `size` bytes, comes
    last.
    """
    sizes, index = [], []
    with written_whole(path, size) as partial:
        with open(partial, "wb") as file:
            for name, codes in contigs:
                file.write(f">{name}\n".encode())
                line = min(width, codes.size)
                index.append(f"{name}\t{codes.size}\t{file.tell()}\t{line}\t{line + 1}\n")
                sizes.append(f"{name}\t{codes.size}\n")
                _write_letters(file, _BASES[codes], width)
        # Written after the FASTA, the index is not older than it, which readers ask for.
        write_sealed(path.with_name(path.name + ".fai"), "".join(index))
        write_sealed(path.with_suffix(".chrom.sizes"), "".join(sizes))
        seal_beside(path, partial)


def _write_letters(file: BinaryIO, letters: np.ndarray, width: int) -> None:
    """Write a contig in lines, many at once."""
    for start in range(0, letters.size, width * 8192):
        block = letters[start : start + width * 8192]
        whole = block.size // width * width
        lines = np.full((whole // width, width + 1), ord("\n"), dtype=np.uint8)
        lines[:, :width] = block[:whole].reshape(-1, width)
        file.write(lines.tobytes())
        if whole < block.size:
            file.write(block[whole:].tobytes() + b"\n")
