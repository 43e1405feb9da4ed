"""Trainings in processes of their own, to be interrupted in every way that machines know."""

import csv
import functools
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest
from tiny import NETWORKS, make_task

from seqcast.core.console import log, step
from seqcast.data import Dataset
from seqcast.training import Task, train
from seqcast.training.launch import make_environment

# Only what hangs takes so long, however busy the machine.
SECONDS = 600
# Forked from a process that has torch at hand: an attempt begins at once.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["attempts"])


@functools.cache
def _start_server() -> None:
    # Before Python 3.13 it looks for what it preloads on no other path than this.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()


def _attempt(task: str, said: Path, largest: int) -> None:
    os.setsid()
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    with step("train"):
        if largest:  # No file may grow beyond: what a full disk does to a save.
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        train(Task.model_validate_json(task))
        log.info("peak memory: %d kB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def make_long_task(folder: Path, dataset: Dataset, **changes) -> Task:
    """Make a training of a few seconds that saves itself all the time."""
    folder.mkdir(exist_ok=True)
    values = {
        "epochs": 10,
        "batch_size": 2,
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "clip_norm": 1.0,
        "learning_rate": 1e-2,
        "snapshots": "every",
        "checkpoint_minutes": 2e-4,
        "seed": 5,
        **changes,
    }
    network = NETWORKS[values.pop("kind", "gated")]
    return make_task(folder, dataset, network, **values)


class Attempt:
    """One attempt at a training, in a process group of its own."""

    def __init__(self, task: Task, *, largest_file: int = 0) -> None:
        self._said = task.model.with_name("said.txt")
        self._said.unlink(missing_ok=True)
        arguments = task.model_dump_json(), self._said, largest_file
        _start_server()
        self.process = _CONTEXT.Process(target=_attempt, args=arguments)
        self.process.start()

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        end = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < end, "it did not come to that"
            assert self.process.is_alive(), self.end()
            time.sleep(0.002)

    def wait_for_words(self, words: str) -> None:
        """Wait until it has said something."""
        self.wait_for(lambda: words in self.read_said())

    def read_said(self) -> str:
        """Return all that was said so far."""
        return self._said.read_text() if self._said.exists() else ""

    def send(self, what: int, *, group: bool = False) -> None:
        """Send a signal to the process, or to its whole group, if it still runs."""
        if self.process.is_alive():
            (os.killpg if group else os.kill)(self.process.pid, what)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and all that was said."""
        self.process.join(SECONDS)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode, self.read_said()

    def kill(self, *, group: bool = False) -> str:
        """End it without a warning; return all that was said."""
        self.send(signal.SIGKILL, group=group)
        return self.end()[1]


def read_outcome(task: Task) -> tuple[bytes, list[dict[str, str]], dict[str, bytes]]:
    """Return the model's bytes, the history but for its seconds, and the snapshots' bytes."""
    with open(task.history, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    history = [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    snapshots = {path.name: path.read_bytes() for path in sorted(task.snapshots.iterdir())}
    return task.model.read_bytes(), history, snapshots


def start_torchrun(task: Task, *options: str, agents: int = 1) -> list[subprocess.Popen]:
    """Start torchrun's own agents for a task, as many as there are nodes, on this machine."""
    task.checkpoints.mkdir()
    path = task.checkpoints / "task.json"
    path.write_text(task.model_dump_json())
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={agents}", *options]
    command += ["--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{port}", "--rdzv-id=1"]
    command += ["-m", "seqcast.training.worker", str(path)]
    environment = make_environment({**os.environ, "OMP_NUM_THREADS": "1"})
    return [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(agents)
    ]
