"""Arrays of tracks that lie in an HDF5 file in compressed chunks, without loss.

An array is (rows, places) float32: a row is a track, and its neighbouring places lie side by side,
which is what compresses well. A chunk holds up to 64 rows at 1,024 places, or as many values of
other shapes, so that a window of all tracks, and all places of a few tracks, are both read without
the rest of the file. Chunks are HDF5's, compressed by its filter Blosc (LZ4, of bytes shuffled or
not): h5py reads them once `hdf5plugin` is imported. Here they are read and written past HDF5, whose
one lock would make readers take turns.
"""

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numcodecs import Blosc, blosc

from seqcast.core.disk import Room
from seqcast.core.errors import SeqcastError

# Of rows and places tried on coverage of ChIP-seq, these are read fastest: they fit a core's cache,
# and are enough that threads seldom meet at Python's lock.
_WIDTH = 1024
MOST_VALUES = 64 * _WIDTH
# Of an array's name: the table of its chunks.
_TABLE = "_chunks"
# Blosc's number among HDF5's registered filters, and what it wants to be told: versions of the
# filter and of Blosc's format, and which compressor.
_FILTER = 32001
_FILTER_VERSION = 2
_BLOSC_VERSION = 2
_COMPRESSORS = {"lz4": 1, "lz4hc": 2}
# Higher levels of `lz4hc` take twice the time and save a twentieth.
_LEVELS = {"lz4": 9, "lz4hc": 4}
_WAYS = (Blosc.NOSHUFFLE, Blosc.SHUFFLE)
_CLEARLY_LESS = 0.9
# What is unpacked at a time where many places are wanted.
_READ_BYTES = 1 << 26
_DTYPE = np.dtype("<f4")

# Many chunks at a time are read by as many threads, none of which is to start others. Besides, what
# is compressed does not depend on their number.
blosc.use_threads = False


class ChunkWriter:
    """Write an array into a file that is open for writing, from the first place of each row on.

    The rows of a chunk are a group. `add` takes the next places of all rows, `add_group` those of
    one group, in any order of groups. `finish` once all are there. A chunk has `width` places.
    Where packing is to go in threads, each may `pack` places that begin with a chunk, which
    `add_packed` then takes in their order.

    `lz4hc` is for what is read again and again: it takes a third less room than `lz4` and is
    unpacked faster, but packing takes six times as long.
    """

    def __init__(
        self,
        file: h5py.File,
        name: str,
        rows: int,
        places: int,
        width: int = _WIDTH,
        *,
        compressor: str = "lz4",
    ) -> None:
        self.shape = (rows, places)
        self.groups = find_groups(rows, width)
        # HDF5 wants no chunk that is larger than the array, and none of size 0.
        height, width = self.groups[0].stop, min(width, max(places, 1))
        size = _DTYPE.itemsize * height * width
        options = (
            _FILTER_VERSION,
            _BLOSC_VERSION,
            _DTYPE.itemsize,
            size,
            _LEVELS[compressor],
            Blosc.SHUFFLE,
            _COMPRESSORS[compressor],
        )
        self._array = file.create_dataset(
            name,
            self.shape,
            _DTYPE,
            chunks=(height, width),
            maxshape=(rows, max(places, 1)),
            compression=_FILTER,
            compression_opts=options,
            allow_unknown_filter=True,
        )
        self._width = width
        self._room = Room(Path(file.filename))
        self._compressor = compressor
        # Of each group: how many places were written, and those after them that fill no chunk yet.
        self._written = [0] * len(self.groups)
        self._rest = [np.empty((rows.stop - rows.start, 0), _DTYPE) for rows in self.groups]
        self._digests = [hashlib.sha256() for _ in self.groups]

    def add(self, values: np.ndarray) -> None:
        """Add the next places of all rows, (rows, places)."""
        for number, rows in enumerate(self.groups):
            self.add_group(number, values[rows])

    def add_group(self, number: int, values: np.ndarray) -> None:
        """Add the next places of a group, (rows of the group, places)."""
        rest, room = self._rest[number], self.shape[1] - self._count_added(number)
        if len(values) != len(rest) or values.shape[1] > room:
            raise ValueError(
                f"found {len(values)} rows and {values.shape[1]:,} places, wanted {len(rest)}"
                f" and at most {room:,}"
            )
        values = np.concatenate([rest, values], axis=1)
        whole = values.shape[1] // self._width * self._width
        self._write(number, self.pack(values[:, :whole]))
        self._rest[number] = values[:, whole:].copy()

    def pack(self, values: np.ndarray) -> "Packed":
        """Compress places of a group from the start of a chunk on, (rows of the group, places)."""
        rows, places = values.shape
        height, width = self._array.chunks
        whole, rest = divmod(places, width)
        # All at once: for each step of a chunk Python's lock is taken, which other threads want.
        chunks = np.zeros((-(-places // width), height, width), _DTYPE)
        chunks[:whole, :rows] = (
            values[:, : places - rest].reshape(rows, whole, width).swapaxes(0, 1)
        )
        if rest:
            chunks[whole, :rows, :rest] = values[:, places - rest :]
        return Packed(
            places,
            [(_compress(each, self._compressor), hashlib.sha256(each).digest()) for each in chunks],
        )

    def add_packed(self, number: int, packed: "Packed") -> None:
        """Add the next places of a group, which `pack` packed; before them lie whole chunks."""
        added, left = self._count_added(number), self.shape[1] - self._count_added(number)
        if added % self._width or packed.places > left:
            raise ValueError(
                f"found {packed.places:,} packed places after {added:,}, wanted at most {left:,}"
                f" after whole chunks of {self._width:,}"
            )
        self._write(number, packed)

    def finish(self) -> str:
        """Write what is left, and the table of chunks; return a digest of all values."""
        for number, rest in enumerate(self._rest):
            if (added := self._count_added(number)) != self.shape[1]:
                raise ValueError(f"{added:,} places were added of {self.shape[1]:,}")
            self._write(number, self.pack(rest))
        self._write_table()
        digests = b"".join(each.digest() for each in self._digests)
        return hashlib.sha256(digests).hexdigest()

    def _count_added(self, number: int) -> int:
        return self._written[number] + self._rest[number].shape[1]

    def _write(self, number: int, packed: "Packed") -> None:
        """Write the next chunks of a group."""
        for content, digest in packed.chunks:
            self._digests[number].update(digest)
            self._room.take(len(content))
            place = (number * self._array.chunks[0], self._written[number])
            self._array.id.write_direct_chunk(place, content)
            self._written[number] += min(self._width, self.shape[1] - self._written[number])

    def _write_table(self) -> None:
        """Write where chunks lie: to ask HDF5 for each of millions takes many seconds."""
        table = np.zeros((len(self.groups), -(-self.shape[1] // self._width), 2), np.int64)
        height, width = self._array.chunks

        def note(chunk: h5py.h5d.StoreInfo) -> None:
            """Note where a chunk lies."""
            row, place = chunk.chunk_offset
            table[row // height, place // width] = chunk.byte_offset, chunk.size

        # Where a chunk lies is settled once it is written.
        self._array.file.flush()
        self._array.id.chunk_iter(note)
        self._array.file[self._array.name + _TABLE] = table


class Packed(NamedTuple):
    """Chunks of neighbouring places, compressed, each with its digest."""

    places: int
    chunks: list[tuple[bytes, bytes]]


def _compress(chunk: np.ndarray, compressor: str) -> bytes:
    """Compress a chunk, its bytes shuffled or not, whichever packs an eighth of its places better.

    Shuffled, what is smooth packs better; as it is, what is flat for many places or has few values,
    which is then unpacked twice as fast. A chunk says itself which it is.
    """
    sample = np.ascontiguousarray(chunk[:, : -(-chunk.shape[1] // 8)])
    plain, shuffled = (len(blosc.compress(sample, b"lz4", 9, way)) for way in _WAYS)
    # What is about as small is unpacked as fast shuffled.
    way = Blosc.NOSHUFFLE if plain < _CLEARLY_LESS * shuffled else Blosc.SHUFFLE
    return blosc.compress(chunk, compressor.encode(), _LEVELS[compressor], way)


@dataclass(frozen=True)
class ChunkedArray:
    """An array (rows, places) float32 that stays on disk until stretches of it are read.

    Any number of threads may read at a time.
    """

    shape: tuple[int, int]
    # Rows and places of a chunk.
    chunk: tuple[int, int]
    # Where each chunk begins in the file and how many bytes it has, (groups, chunks of one, 2).
    table: np.ndarray
    file: np.ndarray

    @property
    def groups(self) -> list[slice]:
        """The rows that lie in chunks together, and are best read together."""
        return _cut_rows(self.shape[0], self.chunk[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all values in memory."""
        return 4 * self.shape[0] * self.shape[1]

    def read(
        self, first: int, end: int, rows: slice = slice(None), out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read places of some rows, (rows, end - first), into `out` where it is given."""
        start, stop, _ = rows.indices(self.shape[0])
        if not 0 <= first <= end <= self.shape[1]:
            raise IndexError(f"found places {first:,} to {end:,}, wanted some of {self.shape[1]:,}")
        values = np.empty((stop - start, end - first), _DTYPE) if out is None else out
        height, width = self.chunk
        chunk = np.empty(self.chunk, _DTYPE)
        for top in range(start // height * height, stop, height):
            lines = slice(max(start, top), min(stop, top + height))
            for left in range(first // width * width, end, width):
                places = slice(max(first, left), min(end, left + width))
                self._unpack(top // height, left // width, chunk)
                values[
                    lines.start - start : lines.stop - start,
                    places.start - first : places.stop - first,
                ] = chunk[
                    lines.start - top : lines.stop - top, places.start - left : places.stop - left
                ]
        return values

    def read_bins(
        self, bins: np.ndarray, rows: slice = slice(None), width: int = 1
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Read bins of `width` places each, by their numbers, some at a time.

        Yields which of `bins`, and their places (rows, bins, width). Of ascending bins every chunk
        is unpacked once, and what lies between them is left out.
        """
        count = len(range(self.shape[0])[rows])
        chunks = max(1, _READ_BYTES // (4 * self.chunk[1] * max(count, 1)))
        stretch = bins // max(1, chunks * self.chunk[1] // width)
        edges = np.flatnonzero(np.diff(stretch, prepend=-1, append=-1))
        for start, stop in pairwise(edges.tolist()):
            here = bins[start:stop]
            first, end = int(here.min()), int(here.max()) + 1
            values = self.read(first * width, end * width, rows).reshape(count, -1, width)
            if not (np.diff(here) == 1).all():
                values = values[:, here - first]
            yield slice(start, stop), values

    def _unpack(self, group: int, number: int, chunk: np.ndarray) -> None:
        offset, size = self.table[group, number].tolist()
        # A slice of a memory-mapped array is another, which takes Python ten times as long to make.
        blosc.decompress(memoryview(self.file)[offset : offset + size], chunk)

    def forget(self) -> None:
        """Tell the system that the pages read so far are not needed again (`madvise`)."""
        self.file._mmap.madvise(mmap.MADV_DONTNEED)


def find_groups(rows: int, width: int = _WIDTH) -> list[slice]:
    """Return the rows of each group: as few groups as can be, of about as many rows each.

    A chunk of theirs has `width` places.
    """
    most = MOST_VALUES // width
    return _cut_rows(rows, -(-rows // -(-rows // most)))


def _cut_rows(rows: int, height: int) -> list[slice]:
    return [slice(first, min(first + height, rows)) for first in range(0, rows, height)]


def open_chunked(path: Path, array: h5py.Dataset) -> ChunkedArray:
    """Map an array that a `ChunkWriter` wrote into memory without reading it.

    Raises `SeqcastError` where the array is none.
    """
    table = array.file.get(array.name + _TABLE)
    if array.chunks is None or table is None:
        raise SeqcastError(f"{path}: {array.name} is not in compressed chunks; make it anew")
    return ChunkedArray(array.shape, array.chunks, table[()], np.memmap(path, np.uint8, mode="r"))
