"""When a training has to leave before it is done: signals, and limits of time."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any, Self

# What Slurm promises between its signal and the kill is 30 seconds; it is not to come to that.
_SECONDS_TO_LEAVE = 20.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Stopping:
    """Watch for signals and the end of the time that there is; use it in a `with`.

    `time_limit` is in minutes from now. Slurm's own limit is read from its environment; it is not
    waited for: a step and a save, as long as they took so far, must fit in before.
    """

    def __init__(
        self, time_limit: float | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._now, self._signal = now, 0
        self._limit = None if time_limit is None else now() + 60 * time_limit
        self._slurm_end = _read_slurm_end()
        self._slowest, self._last = 0.0, now()
        self._before: dict[int, Any] = {}

    def reason(self) -> str:
        """Return why to stop, "" if there is no reason; to be asked after each step."""
        now = self._now()
        self._slowest, self._last = max(self._slowest, now - self._last), now
        if self._signal:
            return signal.Signals(self._signal).name
        if self._limit is not None and now >= self._limit:
            return "train.time_limit is reached"
        margin = _SECONDS_TO_LEAVE + 2 * self._slowest
        if self._slurm_end is not None and now + margin >= self._slurm_end:
            return "Slurm's time limit is near"
        return ""

    def __enter__(self) -> Self:
        # Only the main thread may watch signals; in a notebook this may be another.
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._remember) for each in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _: FrameType | None) -> None:
        # Whoever presses Ctrl-C again does not want to wait for the step.
        if self._signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number


def _read_slurm_end() -> float | None:
    """Return when Slurm ends this job, in seconds since 1970; None where it does not say.

    Slurm before 23.02 says so only when it is asked.
    """
    try:
        if end := os.environ.get("SLURM_JOB_END_TIME"):
            return float(end)
        if job := os.environ.get("SLURM_JOB_ID"):
            command = ["squeue", "--noheader", "--jobs", job, "--format", "%e"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            return datetime.fromisoformat(done.stdout.strip()).timestamp()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass
    return None
