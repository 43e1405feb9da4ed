"""One of several processes that share a training; torchrun starts it with the task's file."""

import logging
import os
import sys
from pathlib import Path

from seqcast.core.console import log, step
from seqcast.nn.device import choose_device
from seqcast.training.loop import run
from seqcast.training.process_group import joined, leave_with_parent
from seqcast.training.task import Task


def work(task: Task) -> None:
    """Do this process's share of a training; the first one speaks for all."""
    leave_with_parent()
    is_first = os.environ["RANK"] == "0"
    with step(f"train {task.name}", task.log if is_first else None, mode="a"):
        log.setLevel(logging.INFO if is_first else logging.CRITICAL)
        training = task.training
        device = choose_device(training.device, training.precision, gpus=task.gpus)
        with joined(device.device) as group:
            run(task, group)


if __name__ == "__main__":
    work(Task.model_validate_json(Path(sys.argv[1]).read_text()))
