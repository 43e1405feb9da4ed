"""HDF5 files: those of our own, whole, sealed, of a known format; those from elsewhere, safely."""

import faulthandler
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import h5py
import numpy as np

from seqcast.damage import refuse_damage
from seqcast.disk import check_format, give_name, make_room
from seqcast.errors import SeqcastError
from seqcast.seal import BLANK, ROOM, check_seal, damaged, remember, seal

# Lists of so many bytes are read as well: names may lie elsewhere in the file than their list.
_SMALL = 1 << 20
_LONGEST = 300  # seconds


class Draft:
    """A file that is written piece by piece and gets its name only when it is whole.

    To inherit from: write to `_file`, for which there is room; end with `_keep`. Used as a context
    manager, it leaves nothing behind where it did not come to that.
    """

    def __init__(self, path: str | Path, size: int) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(self.path.name + ".partial")
        make_room(self._partial, size)
        # The seal lies in the user block, the bytes before HDF5's own.
        self._file = h5py.File(self._partial, "w", userblock_size=ROOM)

    def _keep(self) -> None:
        self._file.close()
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


def open_safely(path: str | Path) -> h5py.File:
    """Open a file for reading once a process of its own has looked through it.

    On some damaged files the library of HDF5 ends its process with a segmentation fault, or does
    not end. Looking reads names, shapes, attributes and places of chunks, no large arrays: up to a
    quarter of a second, so only for files from elsewhere. Raises OSError where it ends so, and what
    h5py raises otherwise.
    """
    with warnings.catch_warnings():
        # Of locks that other threads hold: h5py frees its own.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        code = 1
        try:
            faulthandler.disable()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_LONGEST)
            _look_through(path)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise OSError(f"HDF5's library ended with {name}")
    if os.waitstatus_to_exitcode(status):
        _look_through(path)  # which raises the same here
    return h5py.File(path, "r")


def _look_through(path: str | Path) -> None:
    with h5py.File(path, "r") as file:
        _look_at(file)
        file.visititems(lambda _, item: _look_at(item))


def _look_at(item: h5py.HLObject) -> None:
    # TypeError: of a kind that h5py does not know, so that nobody reads it here.
    for name in item.attrs:
        with suppress(TypeError):
            item.attrs[name]
    if not isinstance(item, h5py.Dataset):
        return
    if item.chunks:
        item.id.get_num_chunks()
    if item.shape is not None and item.ndim < 2 and item.nbytes <= _SMALL:
        with suppress(TypeError):
            item[()]
