"""FASTA files with their index, for a browser to lay tracks on."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqcast.disk import write_text
from seqcast.genome import ALPHABET

_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


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
