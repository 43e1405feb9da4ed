"""Reading other people's HDF5 files, with errors that a person can act upon."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N
from seqcast.sources.basenji.opening import open_safely
from seqcast.sources.findings import Key

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_BLOCK_BYTES = 1 << 27
DAMAGED = "the file is damaged, copy or download it again"
# A channel's own number, N where none is set.
CHANNELS = np.array([0, 1, 2, 3, N], dtype=np.uint8)


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises `SeqcastError` where it is absent, empty, cut short, forbidden or no HDF5 file.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        raise SeqcastError(
            f"{path}: cannot be opened ({error.strerror}); see dataset.file"
        ) from None
    if not head:
        raise SeqcastError(f"{path}: is empty (0 bytes); copy or download it again")
    with refuse_damage(path, "cannot be read as HDF5", DAMAGED):
        try:
            return open_safely(path)
        except OSError as error:
            raise SeqcastError(f"{path}: {_explain(error, head)}") from None


def _explain(error: OSError, head: bytes) -> str:
    if "truncated" in str(error):
        found, _, wanted = str(error).partition("eof = ")[2].partition(", sblock")
        sizes = wanted.rpartition("stored_eof = ")[2].strip(") ")
        return (
            f"is cut short: it holds {found} bytes of {sizes}; copy or download it again"
            if found and sizes
            else "is cut short; copy or download it again"
        )
    if not head.startswith(_SIGNATURE):
        kind = "a web page" if head.lstrip()[:1] == b"<" else f"{head[:8]!r}"
        return f"is not an HDF5 file: it begins with {kind}; see dataset.file"
    return f"cannot be read as HDF5 ({error}); copy or download it again"


def read_keys(file: h5py.File) -> tuple[Key, ...]:
    """Return name, shape and dtype of every array of a file, in groups too."""
    keys: list[Key] = []

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        """Note an array; groups have nothing to note."""
        if isinstance(item, h5py.Dataset):
            dtype = "table" if item.dtype.names else str(item.dtype)
            keys.append(Key(f"/{name}", tuple(item.shape or ()), dtype))

    file.visititems(visit)
    return tuple(keys)


def read_rows(array: h5py.Dataset, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first `rows` rows one by one with their number, reading whole chunks at a time.

    A file that was compressed in chunks of many rows would else be unpacked again for each row.
    """
    row_bytes = max(1, array.dtype.itemsize * int(np.prod(array.shape[1:])))
    together = array.chunks[0] if array.chunks else 1
    together = max(1, min(together, _BLOCK_BYTES // row_bytes))
    is_packed = _is_packed_by_row(array)
    for first in range(0, rows, together):
        last = min(first + together, rows)
        what = f"{array.name} cannot be read at rows {first} to {last - 1}"
        with refuse_damage(Path(array.file.filename).name, what, DAMAGED):
            block = _unpack(array, first) if is_packed else array[first:last]
        for offset, row in enumerate(block):
            yield first + offset, row


def _is_packed_by_row(array: h5py.Dataset) -> bool:
    """Say whether each row is a chunk that gzip, and no other filter, has made smaller."""
    if array.chunks != (1, *array.shape[1:]):
        return False
    filters = array.id.get_create_plist()
    return filters.get_nfilters() == 1 and filters.get_filter(0)[0] == h5py.h5z.FILTER_DEFLATE


def _unpack(array: h5py.Dataset, row: int) -> np.ndarray:
    """Return a row of such an array, (1, ...), as h5py does, which others would wait for.

    While h5py reads and unpacks, no other thread can use it.
    """
    chunk = (row, *[0] * (array.ndim - 1))
    if not array.id.get_chunk_info_by_coord(chunk).size:
        return array[row : row + 1]  # never written
    left_out, packed = array.id.read_direct_chunk(chunk)
    if left_out:
        return array[row : row + 1]  # stored as it is
    size = array.dtype.itemsize * int(np.prod(array.shape[1:]))
    found = np.frombuffer(zlib.decompress(packed, bufsize=size), array.dtype)
    return found.reshape(1, *array.shape[1:])


def codes_from_one_hot(rows_L4: np.ndarray, table: np.ndarray = CHANNELS) -> np.ndarray:
    """Turn one-hot rows into codes, (length,) uint8: `table` of the channel that is set.

    Its last entry stands for none. Of rows that are not one-hot, see `mark_odd`, nothing is said.
    """
    # The product of a row's word has 1, 2, 3 or 4 in its highest byte, or 0 where none is set.
    highest_L = (_words_of(rows_L4) * np.uint32(0x01020304)).view(np.uint8)[3::4]
    whole = np.zeros(256, np.uint8)
    whole[0], whole[1:5] = table[4], table[:4]
    # Of bytes this is several times as fast as `whole[highest_L]`.
    return np.frombuffer(highest_L.tobytes().translate(whole.tobytes()), np.uint8)


def mark_odd(rows_L4: np.ndarray) -> np.ndarray:
    """Say which rows are not one-hot, (length,) bool: several channels set, or not by 1."""
    word_L = _words_of(rows_L4)
    # Of what HDF5 calls bool the bytes may be other than 0 and 1.
    odd_L = ((word_L & (word_L - np.uint32(1))) | (word_L & np.uint32(0xFEFEFEFE))) != 0
    if rows_L4.dtype != np.bool_:
        odd_L |= ((rows_L4 != 0) & (rows_L4 != 1)).any(axis=1)
    return odd_L


def _words_of(rows_L4: np.ndarray) -> np.ndarray:
    """Return each row as one number: 1 where channel 0 is set, 256 for channel 1, and so on."""
    is_set_L4 = rows_L4 if rows_L4.dtype == np.bool_ else rows_L4 != 0
    return np.ascontiguousarray(is_set_L4).view("<u4")[:, 0]
