"""`.2bit` files: the genome of an assembly hub."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from seqcast.core.disk import make_room, written_whole
from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import find_runs_of_n

_SIGNATURE, _VERSION = 0x1A412743, 0
# The format's order is T, C, A, G; N takes a place too, its blocks are listed apart.
_TWO_BITS = np.array([2, 1, 3, 0, 0], dtype=np.uint8)
_PIECE = 1 << 22  # bases packed at once, a multiple of four
_LARGEST_OFFSET, _LONGEST_NAME = 2**32 - 1, 255


def write_twobit(path: str | Path, names: Sequence[str], contigs: Iterable[np.ndarray]) -> None:
    """Write contigs of codes (length,), in the order of their names, as .2bit without masks.

    One contig is held at a time. The format (https://genome.ucsc.edu/FAQ/FAQformat.html#format7)
    counts offsets in 32 bits, so a contig may not begin after 4 GB, about 17 billion bases;
    version 1 of it has 64 bits, which few programs read. Raises SeqcastError where that or a name
    of more than 255 bytes is met. The file gets its name when it is whole.
    """
    path = Path(path)
    _check_names(path, names)
    with written_whole(path) as partial, open(partial, "wb") as file:
        file.write(_header(names, [0] * len(names)))
        offsets = []
        for codes in contigs:
            offsets.append(file.tell())
            _check_offset(path, offsets[-1])
            _write_contig(file, np.asarray(codes, dtype=np.uint8))
        if len(offsets) != len(names):
            raise ValueError(f"{path}: {len(names)} names and {len(offsets)} contigs")
        file.seek(0)
        file.write(_header(names, offsets))


def make_room_for_twobit(path: str | Path, names: Sequence[str], bases: int) -> None:
    """Make sure that a .2bit of `bases` bases fits on the disk, but for its blocks of N."""
    partial = Path(path).with_name(Path(path).name + ".partial")
    make_room(partial, bases // 4 + 32 * len(names))


def _header(names: Sequence[str], offsets: Sequence[int]) -> bytes:
    """Return the header and the index: where each contig begins."""
    parts = [_numbers(_SIGNATURE, _VERSION, len(names), 0)]
    for name, offset in zip(names, offsets, strict=True):
        encoded = name.encode()
        parts.append(bytes([len(encoded)]) + encoded + _numbers(offset))
    return b"".join(parts)


def _write_contig(file: BinaryIO, codes: np.ndarray) -> None:
    runs = find_runs_of_n(codes)
    file.write(_numbers(codes.size, len(runs)))
    file.write(runs[:, 0].astype("<u4").tobytes() + np.diff(runs).astype("<u4").tobytes())
    file.write(_numbers(0, 0))  # no masks; reserved
    for start in range(0, codes.size, _PIECE):
        file.write(_pack(codes[start : start + _PIECE]))


def _pack(codes: np.ndarray) -> bytes:
    """Pack four bases into a byte, the first in the highest bits; the last byte is filled up."""
    quads = np.zeros(-(-codes.size // 4) * 4, dtype=np.uint8)
    quads[: codes.size] = _TWO_BITS[codes]
    quads = quads.reshape(-1, 4)
    return (quads[:, 0] << 6 | quads[:, 1] << 4 | quads[:, 2] << 2 | quads[:, 3]).tobytes()


def _numbers(*values: int) -> bytes:
    return np.array(values, dtype="<u4").tobytes()


def _check_names(path: Path, names: Sequence[str]) -> None:
    long = [name for name in names if len(name.encode()) > _LONGEST_NAME]
    if long:
        raise SeqcastError(
            f"{path}: {len(long):,} of {len(names):,} contigs have names of more than"
            f" {_LONGEST_NAME} bytes, which .2bit does not hold: {long[0][:40]}...; shorten them"
        )


def _check_offset(path: Path, offset: int) -> None:
    if offset > _LARGEST_OFFSET:
        raise SeqcastError(
            f"{path}: the genome is larger than the 4 GB that .2bit can point into; set"
            " dataset.assembly to UCSC's name of it, where it has one, or predict fewer contigs"
        )
