"""What a person sees of a running step: messages, progress with time left, errors in one line."""

import atexit
import errno
import gc
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from seqcast.core.errors import SeqcastError, Stopped
from seqcast.core.printable import to_printable

log = logging.getLogger("seqcast")
_Kind = TypeVar("_Kind", bound=logging.Handler)

# Without a terminal (a cluster's log) a bar becomes a line now and then.
_SECONDS_BETWEEN_LINES = 30.0
_LINE = (
    "{desc}: {percentage:3.0f}% of {total_fmt}{unit}, {elapsed} gone, {remaining} left,"
    " {rate_fmt}\n"
)
# A disk or quota that is full, a file that may not be touched, a folder where a file should be.
_USERS_TO_MEND = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EACCES, errno.EROFS, errno.EISDIR, errno.ENOTDIR),
)


class _Shown:
    """Standard error as it is, but that nothing can be written there (a full disk) is no error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Show what can be shown."""
        with suppress(OSError):
            self._stream.flush()


class _LogFile(logging.FileHandler):
    """A step's log. Where it cannot be written, `failure` says why, and the step goes on."""

    failure: OSError | None = None

    def handleError(self, record: logging.LogRecord) -> None:
        """Note that the disk is full, where others would show a traceback for each message."""
        error = sys.exception()
        if isinstance(error, OSError):
            self.failure = error
        else:
            super().handleError(record)

    def close(self) -> None:
        """Close the file, also where its last lines cannot be written."""
        with suppress(OSError):
            super().close()


class _Line(logging.Formatter):
    """Write messages behind the step's name; names in them cannot command a terminal."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def format(self, record: logging.LogRecord) -> str:
        """Return a message, with the traceback where it has one."""
        return to_printable(f"[{self._step}] {super().format(record)}", keep="\n")


@contextmanager
def step(
    name: str, log_file: str | Path | None = None, *, mode: Literal["w", "a"] = "w"
) -> Iterator[None]:
    """Run a step: show its messages, keep them in a log file, end a user's error in one line.

    Anything else that goes wrong keeps its traceback, in the log file too. `mode` is how the log
    file is opened. A disk that is full of other things stops no step for its log alone: that lines
    are lost is said once, at the end.
    """
    log.setLevel(logging.INFO)
    log.propagate = False
    # Modules stay to the end. Python would look through the million objects of torch's for garbage
    # each time that more are imported, and once more as it ends: a second a job.
    gc.freeze()
    atexit.register(gc.freeze)
    start, kept = time.monotonic(), None
    with redirect_stderr(_Shown(sys.stderr)):
        shown = _add(logging.StreamHandler(sys.stderr), name)
        try:
            if log_file:
                Path(log_file).parent.mkdir(parents=True, exist_ok=True)
                kept = _add(_LogFile(log_file, mode=mode, encoding="utf-8"), name)
            with warnings.catch_warnings(), logging_redirect_tqdm([log]):
                warnings.showwarning = lambda message, *_, **__: log.warning("warning: %s", message)
                yield
            log.info("done in %s", format_seconds(time.monotonic() - start))
            if kept and kept.failure:
                reason = kept.failure.strerror
                log.warning("warning: %s: %s; this log may lack lines", log_file, reason)
        except Stopped as reason:
            log.warning("%s", reason)
            raise SystemExit(reason.exit_code) from None
        except SeqcastError as error:
            for line in str(error).splitlines():
                log.error("error: %s", line)
            raise SystemExit(error.exit_code) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _USERS_TO_MEND:
                log.error("error: %s: %s", error.filename or "writing", error.strerror)
            else:
                log.exception("unexpected error: please report it with this log")
            raise SystemExit(1) from None
        finally:
            for handler in (shown, kept) if kept else (shown,):
                log.removeHandler(handler)
                handler.close()


def _add(handler: _Kind, step: str) -> _Kind:
    handler.setFormatter(_Line(step))
    log.addHandler(handler)
    return handler


def progress(total: int, label: str, unit: str, done: int = 0) -> tqdm:
    """Return a progress bar with rate and time left; call its `update(n)`, use it in a `with`.

    `done` of `total` were done before and do not count in the rate.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=label,
        unit=f" {unit}",
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else _SECONDS_BETWEEN_LINES,
        leave=False,
        # In a file a bar is a line now and then, not one line written over and over.
        bar_format=None if terminal else _LINE,
        delay=0 if terminal else _SECONDS_BETWEEN_LINES,
    )


def format_seconds(seconds: float) -> str:
    """Write a duration as people say it: `3.2 s`, `4 min 05 s`, `2 h 07 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
