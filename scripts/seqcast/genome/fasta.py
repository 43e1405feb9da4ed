"""FASTA files with their index, for a browser to lay tracks on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seqcast.core.disk import written_whole
from seqcast.core.seal import read_sealed, seal_beside, write_sealed
from seqcast.genome.codes import ALPHABET

_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def write_fasta(
    path: Path, contigs: Iterable[tuple[str, np.ndarray]], width: int = 80, size: int = 0
) -> None:
    """Write contigs of codes as FASTA with its `.fai` index and a `.chrom.sizes` table beside it.

    All three appear under their names only when whole; the FASTA, of about `size` bytes, comes
    last.
    """
    index, sizes = [], {}
    with written_whole(path, size) as partial:
        with open(partial, "wb") as file:
            for name, codes in contigs:
                file.write(f">{name}\n".encode())
                line = min(width, codes.size)
                index.append(f"{name}\t{codes.size}\t{file.tell()}\t{line}\t{line + 1}\n")
                sizes[name] = codes.size
                _write_letters(file, _BASES[codes], width)
        # Written after the FASTA, the index is not older than it, which readers ask for.
        write_sealed(path.with_name(path.name + ".fai"), "".join(index))
        write_sizes(path, sizes)
        seal_beside(path, partial)


def write_sizes(fasta: Path, lengths: Mapping[str, int]) -> None:
    """Write the lengths of a FASTA's contigs into a `.chrom.sizes` table beside it."""
    lines = [f"{name}\t{length}\n" for name, length in lengths.items()]
    write_sealed(fasta.with_suffix(".chrom.sizes"), "".join(lines))


def read_sizes(fasta: Path, remedy: str) -> dict[str, int]:
    """Read the lengths of a FASTA's contigs, in its order; `remedy` says what makes them anew."""
    lines = read_sealed(fasta.with_suffix(".chrom.sizes"), remedy).splitlines()
    cells = [line.split("\t") for line in lines if line]
    return {name: int(length) for name, length in cells}


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
