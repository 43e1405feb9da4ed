"""What a person sees of a running step: messages, progress with time left, errors in one line."""

import errno
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from seqcast.errors import SeqcastError, Stopped

log = logging.getLogger("seqcast")

# Without a terminal (a cluster's log) a bar becomes a line now and then.
_SECONDS_BETWEEN_LINES = 30.0
_LINE = (
    "{desc}: {percentage:3.0f}% of {total_fmt}{unit}, {elapsed} gone, {remaining} left,"
    " {rate_fmt}\n"
)
# A disk or quota that is full, a file that may not be touched.
_USERS_TO_MEND = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EFBIG)


@contextmanager
def step(
    name: str, log_file: str | Path | None = None, *, mode: Literal["w", "a"] = "w"
) -> Iterator[None]:
    """Run a step: show its messages, keep them in a log file, end a user's error in one line.

    Anything else that goes wrong keeps its traceback, in the log file too. `mode` is how the log
    file is opened.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, mode=mode))
    for handler in handlers:
        # A step may be called by a file: in a format, `%` stands for something else.
        handler.setFormatter(logging.Formatter(f"[{name.replace('%', '%%')}] %(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    start = time.monotonic()
    try:
        with warnings.catch_warnings(), logging_redirect_tqdm([log]):
            warnings.showwarning = lambda message, *_, **__: log.warning("warning: %s", message)
            yield
        log.info("done in %s", format_seconds(time.monotonic() - start))
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
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


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
