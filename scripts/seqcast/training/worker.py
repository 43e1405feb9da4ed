"""One of several processes that share a training; torchrun starts it with the task's file."""

import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from seqcast.console import log, step
from seqcast.device import choose_device
from seqcast.training.run import run
from seqcast.training.task import Task
from seqcast.training.world import joined

_PR_SET_PDEATHSIG = 1


def leave_with_parent() -> None:
    """Have the system send this process SIGTERM when its parent is gone.

    A launcher that was killed would otherwise leave processes that train on, unseen.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def work(task: Task) -> None:
    """Do this process's share of a training; the first one speaks for all."""
    leave_with_parent()
    is_first = os.environ["RANK"] == "0"
    with step(f"train {task.name}", task.log if is_first else None, mode="a"):
        log.setLevel(logging.INFO if is_first else logging.CRITICAL)
        training = task.training
        device = choose_device(training.device, training.precision, gpus=task.gpus)
        with joined(device.device) as world:
            run(task, world)


if __name__ == "__main__":
    work(Task.model_validate_json(Path(sys.argv[1]).read_text()))
