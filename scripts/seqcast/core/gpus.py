"""Which GPU a process takes, so that jobs beside each other do not all land on the first.

A scheduler that hands out GPUs shows each job only its own. Without one, `--resources gpu=4` lets
four jobs run at once, and each sees all four GPUs: the first that nobody holds is taken.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from seqcast.core.console import log

# Open for as long as the process lives; the system lets go of the locks with it.
_HELD: dict[tuple[str, ...], tuple[int, TextIO | None]] = {}


def claim_gpu(names: Sequence[str], folder: Path | None = None) -> int:
    """Return the index of a GPU that no other process has claimed, and keep it.

    `names` are those of the GPUs that this process sees, the same in all processes: UUIDs. Asked
    again, a process gets the one that it has. Where all are taken one is shared, and the log says
    so.
    """
    asked = tuple(names)
    if asked not in _HELD:
        _HELD[asked] = _claim(asked, folder or _find_folder()) if len(asked) > 1 else (0, None)
    return _HELD[asked][0]


def _claim(names: tuple[str, ...], folder: Path) -> tuple[int, TextIO | None]:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        file = open(folder / f"gpu-{name}.lock", "a")  # noqa: SIM115 - it stays open
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
        else:
            return index, file
    index = os.getpid() % len(names)
    log.warning("all %d GPUs are taken by other jobs of seqcast: sharing one", len(names))
    return index, None


@contextmanager
def one_at_a_time(name: str, folder: Path | None = None) -> Iterator[None]:
    """Wait for other processes that are in such a block for the same GPU.

    Jobs that start together would otherwise all find its memory free, and all take it.
    """
    folder = folder or _find_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"start-{name}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find_folder() -> Path:
    """Return a folder of this machine: GPUs are a machine's, the results may be shared by many."""
    return Path(tempfile.gettempdir()) / f"seqcast-{os.getuid()}"
