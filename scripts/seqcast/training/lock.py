"""Keep a second process out of a folder that one is training in."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from seqcast.console import log
from seqcast.errors import SeqcastError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, making it if need be; refuse if another process holds it.

    The system lets go of the lock when its process ends, however it ends, so that none is left
    behind by a `kill -9`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lock"
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SeqcastError(
                f"{folder}: another process is training here"
                f" ({file.read().strip() or 'it does not say which'}); wait for it, or end it"
            ) from None
        except OSError as error:
            log.warning("%s: this file system has no locks (%s)", folder, error.strerror)
        file.truncate(0)
        since = datetime.now().astimezone().isoformat(" ", "seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {since}\n")
        file.flush()
        yield
