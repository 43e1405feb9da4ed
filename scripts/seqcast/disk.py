"""Files that are whole or not there, and room for them asked for before they are written."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from seqcast.errors import SeqcastError


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
        reason = f"{error.strerror}; {size:,} bytes are needed"
        raise OSError(error.errno, reason, str(path)) from None


def write_text(path: Path, text: str) -> None:
    """Write a small file; it gets its name when it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def check_format(
    path: Path, attributes: Mapping[str, Any], wanted: tuple[str, int], mend: str
) -> None:
    """Refuse a file whose `format` and `format_version` are not the wanted ones; say what to do."""
    found = (attributes.get("format"), attributes.get("format_version"))
    if found != wanted:
        raise SeqcastError(
            f"{path}: found format {found[0]!r} version {found[1]}, wanted {wanted[0]!r} version"
            f" {wanted[1]}; {mend}"
        )


class Draft:
    """A file that is written piece by piece and gets its name only when it is whole.

    To inherit from: open `_partial`, for which there is room, as `_file`; end with `_keep`. Used
    as a context manager, it leaves nothing behind where it did not come to that.
    """

    _file: Any

    def __init__(self, path: str | Path, size: int) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(self.path.name + ".partial")
        make_room(self._partial, size)

    def _keep(self) -> None:
        self._file.close()
        os.replace(self._partial, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)
