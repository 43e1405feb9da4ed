"""bigWigs read without a C library.

On some damaged files pyBigWig ends the interpreter with a segmentation fault, pybigtools with an
abort: nothing could be said of them then. Layout: Kent et al. 2010, Bioinformatics 26:2204,
supplement; numbers are little-endian.
"""

import math
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError

MAGIC, _INDEX_HEADER = 0x888FFC26, 48
_HEADER = struct.Struct("<IHHQQQHHQQIQ")
_ZOOM = struct.Struct("<IIQQ")
_SUMMARY = struct.Struct("<Qdddd")
_CHROMS_HEADER = struct.Struct("<IIIIQQ")
_CHROMS_MAGIC, _INDEX_MAGIC = 0x78CA8C91, 0x2468ACE0
_NODE = struct.Struct("<BxH")  # is it a leaf, number of entries
_PLACE = [("first_chrom", "<u4"), ("start", "<u4"), ("last_chrom", "<u4"), ("end", "<u4")]
_INNER = np.dtype([*_PLACE, ("child", "<u8")])
_BLOCK = np.dtype([*_PLACE, ("offset", "<u8"), ("size", "<u8")])
_SECTION = struct.Struct("<IIIIIBxH")  # chrom, start, end, step, span, kind, number of items
# Kinds of section: intervals, bins with their starts, bins a step apart.
_ITEMS = {
    1: np.dtype([("start", "<u4"), ("end", "<u4"), ("value", "<f4")]),
    2: np.dtype([("start", "<u4"), ("value", "<f4")]),
    3: np.dtype([("value", "<f4")]),
}
_LARGEST = _SECTION.size + 0xFFFF * _ITEMS[1].itemsize


class BigWig:
    """A bigWig opened for reading; `contigs` maps names to lengths, in the file's order.

    Use it in a `with`. All raises `SeqcastError` where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self._size = path.stat().st_size
            self._check_size()
            with self._refuse_damage("its header"):
                self._header = _HEADER.unpack(self._read(0, _HEADER.size))
                if self._header[0] != MAGIC:
                    raise ValueError("it is no bigWig's")
            with self._refuse_damage("its list of contigs"):
                self._ids, self.contigs = self._read_contigs(self._header[3])
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def summary(self) -> tuple[int, float, float, float]:
        """Return bases with a value, least, most and sum; NaN where the header does not say."""
        at = self._header[9]
        if not at:
            return 0, math.nan, math.nan, math.nan
        covered, least, most, total, _ = _SUMMARY.unpack(self._read(at, _SUMMARY.size))
        # libBigWig looks for the highest from the least positive number on: so it is left below 0.
        return covered, least, 0.0 if most == sys.float_info.min else most, total

    def values(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return a value for each base, (end - start,) float32, NaN where there is none.

        Where entries overlap, the later one counts.
        """
        starts, ends, values = self.entries_between(contig, start, end)
        # Gaps and entries in turn, a gap first and last.
        turns = np.full(2 * len(values) + 1, np.nan, dtype=np.float32)
        turns[1::2] = values
        edges = np.empty(2 * len(values) + 2, dtype=np.int64)
        edges[0], edges[1:-1:2], edges[2:-1:2], edges[-1] = start, starts, ends, end
        sizes = np.diff(edges)
        if sizes.min() >= 0:
            return np.repeat(turns, sizes)
        found = np.full(end - start, np.nan, dtype=np.float32)
        edges -= start
        for first, last, value in zip(edges[1:-1:2], edges[2:-1:2], values, strict=True):
            found[first:last] = value
        return found

    def entries_between(
        self, contig: str, start: int, end: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return starts, ends and values of the entries between two bases, cut off at these.

        All are (entries,) and in the file's order; values are float32.
        """
        parts = [self._read_block(block) for block in self._find_blocks(contig, start, end)]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        starts, ends, values = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        # Neighbours of the blocks at either end may lie outside.
        here = (starts < end) & (ends > start)
        starts = np.maximum(starts[here].astype(np.int64), start)
        return starts, np.minimum(ends[here].astype(np.int64), end), values[here]

    def entries(self, contig: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield bases and values of a contig's entries, (entries,) each, a block at a time."""
        length = self.contigs[contig]
        for block in self._find_blocks(contig, 0, length):
            starts, ends, values = self._read_block(block)
            yield np.minimum(ends.astype(np.int64), length) - starts, values

    def _check_size(self) -> None:
        """Refuse a file that ends before a place that its header names."""
        wanted, head = _HEADER.size, self._file.read(_HEADER.size)
        if len(head) == _HEADER.size:
            _, _, zooms, tree, data, index, _, _, _, summary, _, _ = _HEADER.unpack(head)
            levels = self._file.read(_ZOOM.size * zooms)
            ends = [tree, data, index + _INDEX_HEADER, summary + (_SUMMARY.size if summary else 0)]
            if len(levels) == _ZOOM.size * zooms:
                ends += [level[3] + _INDEX_HEADER for level in _ZOOM.iter_unpack(levels)]
            wanted = max(_HEADER.size + _ZOOM.size * zooms, *ends)
        if self._size < wanted:
            raise SeqcastError(
                f"{self.path}: is cut short: it has {self._size:,} bytes, its header speaks of"
                f" {wanted:,} at least; copy or download it again"
            )

    def _find_blocks(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return the blocks (blocks,) of `_BLOCK` with entries between two bases."""
        here = self._blocks[self._blocks_of.get(self._ids[contig], slice(0))]
        return here[(here["start"] < end) & (here["end"] > start)]

    @cached_property
    def _blocks(self) -> np.ndarray:
        """All blocks of data, (blocks,) of `_BLOCK`, in the order of the genome."""
        with self._refuse_damage("its index"):
            at = self._header[5]
            if int.from_bytes(self._read(at, 4), "little") != _INDEX_MAGIC:
                raise ValueError("it does not begin as one")
            blocks = self._read_leaves(at + _INDEX_HEADER, _BLOCK, _INNER)
            length_of = {chrom: self.contigs[name] for name, chrom in self._ids.items()}
            lengths = [length_of.get(chrom, 0) for chrom in blocks["first_chrom"].tolist()]
            if np.any(
                (blocks["first_chrom"] != blocks["last_chrom"])
                | (blocks["start"] >= blocks["end"])
                | (blocks["start"] >= np.array(lengths, dtype=np.int64))
            ):
                raise ValueError("blocks lie where there is no contig")
            return blocks[np.argsort(blocks["first_chrom"], kind="stable")]

    @cached_property
    def _blocks_of(self) -> dict[int, slice]:
        """Return where the blocks of each contig's number lie among all, found once for all."""
        chroms, firsts = np.unique(self._blocks["first_chrom"], return_index=True)
        ends = [*firsts[1:].tolist(), len(self._blocks)]
        return dict(zip(chroms.tolist(), map(slice, firsts.tolist(), ends), strict=True))

    def _read_block(self, block: np.void) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return starts, ends and values, float32, of a block's entries in order."""
        chrom, first, _, last, offset, size = block.item()
        with self._refuse_damage(f"its data from byte {offset:,} on"):
            content = self._unpack(self._read(offset, size))
            found, start, _, step, span, kind, count = _SECTION.unpack_from(content)
            items = np.frombuffer(content, _ITEMS[kind], count, _SECTION.size)
            starts = start + step * np.arange(count) if kind == 3 else items["start"]
            ends = items["end"] if kind == 1 else starts.astype(np.int64) + span
            if found != chrom or starts.min(initial=first) < first or ends.max(initial=0) > last:
                raise ValueError("entries lie elsewhere than the index says")
            return starts, ends, items["value"]

    def _unpack(self, content: bytes) -> bytes:
        most = min(self._header[10], _LARGEST)
        if not most:
            return content  # stored as it is
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(content, most)
        if not unpacking.eof:
            raise ValueError("it does not end where it should")
        return content

    def _read_contigs(self, at: int) -> tuple[dict[str, int], Mapping[str, int]]:
        """Return number and length of each contig."""
        magic, _, width, *_ = _CHROMS_HEADER.unpack(self._read(at, _CHROMS_HEADER.size))
        if magic != _CHROMS_MAGIC:
            raise ValueError("it does not begin as one")
        key = ("key", f"S{width}")
        leaf, inner = [key, ("chrom", "<u4"), ("length", "<u4")], [key, ("child", "<u8")]
        root = at + _CHROMS_HEADER.size
        leaves = self._read_leaves(root, np.dtype(leaf), np.dtype(inner))
        names = [name.decode() for name in leaves["key"].tolist()]
        ids, lengths = leaves["chrom"].tolist(), leaves["length"].tolist()
        if len(set(names)) < len(names) or len(set(ids)) < len(ids):
            raise ValueError("a contig stands there twice")
        return dict(zip(names, ids, strict=True)), dict(zip(names, lengths, strict=True))

    def _read_leaves(self, root: int, leaf: np.dtype, inner: np.dtype) -> np.ndarray:
        """Return the entries of a tree's leaves, in its order."""
        found, waiting, seen, size = [np.empty(0, leaf)], [root], set(), 0
        while waiting:
            at = waiting.pop()
            is_leaf, count = _NODE.unpack(self._read(at, _NODE.size))
            kind = leaf if is_leaf else inner
            size += _NODE.size + count * kind.itemsize
            if at in seen or size > self._size:
                raise ValueError("it goes in circles")
            seen.add(at)
            entries = np.frombuffer(self._read(at + _NODE.size, count * kind.itemsize), kind)
            if is_leaf:
                found.append(entries)
            else:
                waiting += entries["child"][::-1].tolist()
        return np.concatenate(found)

    def _read(self, at: int, size: int) -> bytes:
        if at + size > self._size:
            raise ValueError("it reaches past the file's end")
        self._file.seek(at)
        return self._file.read(size)

    def _refuse_damage(self, what: str) -> AbstractContextManager[None]:
        remedy = "the file is damaged or cut short, so copy or download it again"
        return refuse_damage(self.path, f"{what} cannot be read", remedy)
