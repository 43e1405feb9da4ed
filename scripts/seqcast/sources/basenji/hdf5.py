"""Reading other people's HDF5 files, with errors that a person can act upon."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from seqcast.errors import SeqcastError
from seqcast.findings import Key
from seqcast.genome import N

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_BLOCK_BYTES = 1 << 27


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
    try:
        return h5py.File(path, "r")
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
    for first in range(0, rows, together):
        last = min(first + together, rows)
        try:
            block = array[first:last]
        except OSError as error:
            raise SeqcastError(
                f"{Path(array.file.filename).name}: {array.name} cannot be read at rows {first} to"
                f" {last - 1} ({error}); the file is damaged, copy or download it again"
            ) from None
        for place, row in enumerate(block):
            yield first + place, row


def codes_from_one_hot(rows_L4: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn one-hot rows into the number of the channel that is set, 4 where none is.

    Returns the codes (length,) uint8 and which rows are not one-hot (length,) bool: several
    channels set, or a value other than 0 and 1.
    """
    # A row as one number: 1 where channel 0 is set, 256 for channel 1, and so on.
    word_L = np.ascontiguousarray(rows_L4 != 0).view("<u4")[:, 0]
    # The product has 0, 1, 2 or 3 in its highest byte.
    codes = (word_L * np.uint32(0x00010203)).view(np.uint8)[3::4] + N * (word_L == 0).view(np.uint8)
    odd = (word_L & (word_L - np.uint32(1))) != 0
    if rows_L4.dtype != np.bool_:
        odd |= ((rows_L4 != 0) & (rows_L4 != 1)).any(axis=1)
    return codes, odd
