"""Files that are whole or not there, and room for them asked for before they are written."""

import gzip
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqcast.core.errors import SeqcastError

# Asked for at a time for a file that grows.
_ROOM_STEP = 1 << 23
_GZIP = b"\x1f\x8b"


def make_room(path: Path, size: int) -> None:
    """Make sure that a file of `size` bytes fits where it will be written.

    HDF5 and pyBigWig crash the interpreter when a disk, quota or limit ends while they write;
    asked for the space beforehand, the system answers with a plain `OSError`, raised with the
    file's name.
    """
    try:
        with open(path, "wb") as file:
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size + (1 << 16))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _no_room(error, size, path) from None


class Room:
    """Room on the disk for a file whose size is known only in the end, asked for ahead of writing.

    The file ends with what was asked for and not taken: cut that off once it is written.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._left = path, 0

    def take(self, size: int) -> None:
        """Make sure that so many more bytes fit; raise `OSError` where they do not."""
        if size > self._left and hasattr(os, "posix_fallocate"):
            step = max(size, _ROOM_STEP)
            try:
                with open(self._path, "r+b") as file:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
            except OSError as error:
                raise _no_room(error, step, self._path) from None
            self._left = step
        self._left -= size


def _no_room(error: OSError, size: int, path: Path) -> OSError:
    return OSError(error.errno, f"{error.strerror}; {size:,} bytes are needed", str(path))


@contextmanager
def written_whole(path: Path, size: int = 0, ending: str = ".partial") -> Iterator[Path]:
    """Yield where to write a file, which gets its name when the block is done.

    With `size`, room for so many bytes is asked for first. Where the block fails, nothing is left
    behind, and what had the name before still has it. Meanwhile `ending` is put behind the name.
    Raises `OSError` with the file's name where the disk is full.
    """
    partial = path.with_name(path.name + ending)
    try:
        if size:
            make_room(partial, size)
        yield partial
        give_name(partial, path)
    except OSError as error:
        if error.errno and error.filename is None:  # as Python has it where a disk is full
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        partial.unlink(missing_ok=True)


def give_name(partial: Path, path: Path) -> None:
    """Give a file that is whole its final name.

    A name may reach the disk before the content: after a power cut the file would be empty. So the
    content goes first, and then the folder that holds the name.
    """
    _flush(partial)
    os.replace(partial, path)
    # Some file systems cannot flush a folder.
    with suppress(OSError):
        _flush(path.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a small file; it gets its name when it is whole."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def is_gzip(path: str | Path) -> bool:
    """Say whether a file is gzip or bgzip, whatever its name."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP


def read_unpacked(path: str | Path) -> bytes:
    """Read a file as a whole, unpacked where it is gzip or bgzip."""
    content = Path(path).read_bytes()
    return gzip.decompress(content) if content.startswith(_GZIP) else content


def check_format(
    path: Path, attributes: Mapping[str, Any], wanted: tuple[str, int], remedy: str
) -> None:
    """Refuse a file of another `format` or `format_version`; `remedy` says what to do."""
    found = (attributes.get("format"), attributes.get("format_version"))
    if found != wanted:
        raise SeqcastError(
            f"{path}: found format {found[0]!r} version {found[1]}, wanted {wanted[0]!r} version"
            f" {wanted[1]}; {remedy}"
        )
