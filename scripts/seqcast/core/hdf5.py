"""HDF5 files that a step writes for later ones: whole, sealed, of a known format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import h5py
import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.disk import check_format, give_name, make_room
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import BLANK, ROOM, check_seal, damaged, remember, seal


class Draft:
    """A file that is written piece by piece and gets its name only when it is whole.

    To inherit from: write to `_file`, for which there is room; end with `_keep`. Used as a context
    manager, it leaves nothing behind where it did not come to that. Meanwhile the name has an
    `ending`.
    """

    def __init__(self, path: str | Path, size: int, ending: str = ".partial") -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(self.path.name + ending)
        make_room(self._partial, size)
        # The seal lies in the user block, the bytes before HDF5's own.
        self._file = h5py.File(self._partial, "w", userblock_size=ROOM)

    def _keep(self) -> None:
        self._file.flush()
        size = self._file.id.get_filesize()
        self._file.close()
        # Chunks ask for more room than they take in the end.
        os.truncate(self._partial, size)
        with open(self._partial, "r+b") as file:
            file.write(BLANK.encode())
        seal(self._partial)
        give_name(self._partial, self.path)
        remember(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


@contextmanager
def open_hdf5(path: Path, wanted: tuple[str, int], remedy: str) -> Iterator[h5py.File]:
    """Open a file that a `Draft` wrote, once its seal, format and version are right.

    `remedy` says what makes it anew. Raises `SeqcastError` where the file is not as written, also
    for what is missing in it while it is read.
    """
    with refuse_damage(path, "cannot be read as HDF5, or is not whole", remedy):
        is_sealed = check_seal(path, remedy)
        with h5py.File(path, "r") as file:
            check_format(path, file.attrs, wanted, remedy)
            # This version has a seal: it is the mark itself that is damaged.
            if not is_sealed:
                raise damaged(path, remedy)
            yield file


def read_mapped(path: Path, array: h5py.Dataset) -> np.ndarray:
    """Map a contiguous HDF5 array into memory without reading it."""
    if array.id.get_offset() is None:
        raise SeqcastError(
            f"{path}: {array.name} is empty or lies in chunks, wanted one piece; make it anew"
        )
    return np.memmap(path, array.dtype, mode="r", offset=array.id.get_offset(), shape=array.shape)
