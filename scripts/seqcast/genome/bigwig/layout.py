"""The bytes of a bigWig: header, blocks of data, and the trees that find them.

Follows the supplement of Kent et al. (2010), Bioinformatics 26:2204, doi:10.1093/bioinformatics/
btq351. All numbers are little-endian.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import BinaryIO

import numpy as np

MAGIC = 0x888FFC26
_CHROMS_MAGIC, _INDEX_MAGIC, _VERSION = 0x78CA8C91, 0x2468ACE0, 4
MOST_ZOOMS = 10
_HEADER, _ZOOM, _TOTALS = struct.Struct("<IHHQQQHHQQIQ"), struct.Struct("<IIQQ"), "<Qdddd"
_TOTALS_AT = _HEADER.size + MOST_ZOOMS * _ZOOM.size
CHROMS_AT = _TOTALS_AT + struct.calcsize(_TOTALS)

_FANOUT = 256  # entries of a tree's node
_NODE = struct.Struct("<BBH")  # is it a leaf, unused, number of entries
_PLACE = [("first_chrom", "<u4"), ("start", "<u4"), ("last_chrom", "<u4"), ("end", "<u4")]
_CHILD = np.dtype([*_PLACE, ("child", "<u8")])
BLOCK = np.dtype([*_PLACE, ("offset", "<u8"), ("size", "<u8")])

ITEMS = 1024  # bins or zoom records of a block
_SECTION = struct.Struct("<IIIIIBBH")
_VARYING, _FIXED = 2, 3  # kinds of section: bins with their starts, bins without a gap


class Blocks:
    """Blocks of data, compressed and written to a file one after another.

    `table` says where each lies, in the genome and in the file; `largest` is the size of the
    largest, not compressed.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file, self._offset = file, offset
        self._table, self.largest = bytearray(), 0

    def write(self, raw: bytes, first: tuple[int, int], last: tuple[int, int]) -> None:
        """Write a block that reaches from `first` to `last` (each: chromosome, position)."""
        packed = zlib.compress(raw)
        self._file.write(packed)
        self._table += struct.pack("<IIIIQQ", *first, *last, self._offset, len(packed))
        self._offset += len(packed)
        self.largest = max(self.largest, len(raw))

    @property
    def table(self) -> np.ndarray:
        """The blocks (blocks,) of `BLOCK`."""
        return np.frombuffer(bytes(self._table), dtype=BLOCK)


def pack_section(chrom: int, starts: np.ndarray, end: int, span: int, values: np.ndarray) -> bytes:
    """Return bins of `span` bases of a chromosome as a section of data, not compressed.

    `starts` and `values` are (bins,), at most `ITEMS`; where there is no gap, the starts are left
    out.
    """
    start, count = int(starts[0]), len(starts)
    fixed = int(starts[-1]) - start == (count - 1) * span
    kind, step = (_FIXED, span) if fixed else (_VARYING, 0)
    head = _SECTION.pack(chrom, start, end, step, span, kind, 0, count)
    if fixed:
        return head + values.astype("<f4", copy=False).tobytes()
    items = np.empty(count, dtype=[("start", "<u4"), ("value", "<f4")])
    items["start"], items["value"] = starts, values
    return head + items.tobytes()


def _pack_tree(leaves: np.ndarray, parent: np.dtype, at: int) -> bytes:
    """Return the nodes of a tree, root first, that will lie at the offset `at` of the file."""
    levels = [leaves]
    while len(levels[0]) > _FANOUT:
        below = levels[0]
        lasts = np.append(np.arange(_FANOUT, len(below), _FANOUT), len(below)) - 1
        above = np.zeros(len(lasts), dtype=parent)
        for field in set(parent.names) - {"child"}:
            ends = field in ("last_chrom", "end")
            above[field] = below[field][lasts if ends else lasts // _FANOUT * _FANOUT]
        levels.insert(0, above)
    for above, below in pairwise(levels):
        at += _NODE.size * -(-len(above) // _FANOUT) + above.nbytes
        node = _NODE.size + _FANOUT * below.itemsize
        above["child"] = at + node * np.arange(len(above), dtype=np.uint64)
    return b"".join(
        _NODE.pack(level is leaves, 0, len(node)) + node.tobytes()
        for level in levels
        for node in (level[i : i + _FANOUT] for i in range(0, len(level), _FANOUT))
    )


def pack_chroms(chrom_sizes: Mapping[str, int]) -> bytes:
    """Return the B+ tree of chromosomes, which are in byte order and numbered from 0."""
    names = [name.encode() for name in chrom_sizes]
    width = max(map(len, names), default=1)
    leaves = np.empty(len(names), dtype=[("key", f"S{width}"), ("chrom", "<u4"), ("size", "<u4")])
    leaves["key"], leaves["chrom"] = names, np.arange(len(names))
    leaves["size"] = list(chrom_sizes.values())
    head = struct.pack("<IIIIQQ", _CHROMS_MAGIC, _FANOUT, width, 8, len(names), 0)
    parent = np.dtype([("key", f"S{width}"), ("child", "<u8")])
    return head + _pack_tree(leaves, parent, CHROMS_AT + len(head))


def pack_index(blocks: np.ndarray, at: int, items: int) -> bytes:
    """Return the R-tree of blocks (`BLOCK`, ascending) that will lie at the offset `at`.

    `items` is the most items of a block.
    """
    first, last = blocks[0], blocks[-1]
    place = (first["first_chrom"], first["start"], last["last_chrom"], last["end"])
    head = struct.pack("<IIQIIIIQII", _INDEX_MAGIC, _FANOUT, len(blocks), *place, at, items, 0)
    return head + _pack_tree(blocks, _CHILD, at + len(head))


def pack_header(
    data_at: int,
    index_at: int,
    largest: int,
    zooms: Sequence[tuple[int, int, int]],
    totals: tuple[int, float, float, float, float],
) -> bytes:
    """Return what lies before the chromosomes.

    `largest` is the size of the largest block, not compressed; `zooms` are reduction, offset of
    the data and of the index of each level; `totals` the bases with a value, and of their values
    the least, the largest, the sum and the sum of squares.
    """
    head = _HEADER.pack(
        MAGIC, _VERSION, len(zooms), CHROMS_AT, data_at, index_at, 0, 0, 0, _TOTALS_AT, largest, 0
    )
    levels = b"".join(_ZOOM.pack(reduction, 0, *offsets) for reduction, *offsets in zooms)
    return (head + levels).ljust(_TOTALS_AT, b"\0") + struct.pack(_TOTALS, *totals)
