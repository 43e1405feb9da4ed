"""What readers raise on damaged files, as one line that names the file."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqcast.core.errors import SeqcastError

# Libraries that read files were not written for damaged ones: h5py raises any of these.
DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, TypeError, LookupError, AttributeError,
    ArithmeticError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


@contextmanager
def refuse_damage(path: str | Path, what: str, remedy: str) -> Iterator[None]:
    """Turn what a reader raises into `SeqcastError`: what is wrong with the file, what to do.

    Only for what reads a file, and nothing else: a fault of the program would be taken for one of
    the file.
    """
    try:
        yield
    except DAMAGE as error:
        # The words of some libraries are several lines.
        words = " ".join(str(error).split()) or type(error).__name__
        raise SeqcastError(f"{path}: {what} ({words[:300]}); {remedy}") from error
