"""HDF5 files, opened so that a damaged one cannot end the program."""

import faulthandler
import os
import signal
import warnings
from contextlib import suppress
from pathlib import Path

import h5py

# Lists of so many bytes are read as well: names may lie elsewhere in the file than their list.
_SMALL = 1 << 20
_LONGEST = 300  # seconds


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
