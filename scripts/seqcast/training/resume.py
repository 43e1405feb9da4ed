"""How a training is interrupted and resumed: reasons to leave, and what is saved.

Of saved states there are the last and the one before it.
The format is specified in docs/formats.md. No pickle is read or written, and no state of a random
generator: all that is drawn is a function of seed, epoch and window.
"""

import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from seqcast.core.console import log
from seqcast.core.disk import give_name, written_whole
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import digest_of
from seqcast.data.card import read_header
from seqcast.nn.checkpoint import write_tensors

FORMAT, FORMAT_VERSION = "seqcast-training", 3
_NAMES = ("state.safetensors", "state.before.safetensors")
_REMEDY = "what was saved before it is used, if anything"
# What Slurm promises between its signal and the kill is 30 seconds; it is not to come to that.
_SECONDS_TO_LEAVE = 20.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


@dataclass
class Progress:
    """How far a training has come.

    `epoch` epochs are done, and `done` steps of the next; `losses` are of the steps since the last
    of the history's `rows`. `best` is the lowest validation loss, `best_facts` what the model file
    says of it. `seconds` were trained in all.
    """

    epoch: int = 0
    done: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    best: float | None = None
    best_facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    threads: int = 1
    precision: str = "float32"
    processes: int = 1


@dataclass
class State:
    """How far a training has come, and its weights, best weights and optimiser's averages."""

    progress: Progress
    tensors: dict[str, Tensor]


def make_key(**parts: Any) -> dict[str, str]:
    """Return a digest of each part of what the weights follow from."""
    return {name: digest_of(part) for name, part in parts.items()}


def write_state(folder: Path, key: Mapping[str, str], state: State) -> None:
    """Write a state; it gets its name when it is on the disk, and the one before is kept.

    Raises `OSError` where it cannot be written; what was there is then still there.
    """
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "key": dict(key),
        "progress": asdict(state.progress),
    }
    last, before = (folder / name for name in _NAMES)
    with written_whole(last) as partial:
        write_tensors(partial, state.tensors, header)
        if last.exists():
            give_name(last, before)


def read_state(folder: Path, key: Mapping[str, str]) -> State | None:
    """Return the last state that is whole and of this training, None if there is none.

    What is passed over is said in the log, with the reason.
    """
    for path in (folder / name for name in _NAMES):
        if not path.exists():
            continue
        try:
            found = read_header(path, (FORMAT, FORMAT_VERSION), "a saved training", _REMEDY)
        except SeqcastError as error:
            log.warning("passed over: %s", error)
            continue
        changed = [name for name, digest in key.items() if found["key"].get(name) != digest]
        if not changed:
            return _read(path, found["progress"])
        log.info("%s is not used: it is of other %s", path, ", ".join(changed))
    return None


def _read(path: Path, progress: Mapping[str, Any]) -> State:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return State(
        Progress(**{**progress, "rows": [tuple(row) for row in progress["rows"]]}), tensors
    )


def collect_tensors(
    network: nn.Module, optimizer: torch.optim.Optimizer, best: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return all that a training changes, by name."""
    found = {f"weights/{name}": value for name, value in network.state_dict().items()}
    found |= {f"best/{name}": value for name, value in best.items()}
    for name, state in _walk(network, optimizer):
        found |= {f"optimizer/{name}/{key}": value for key, value in state.items()}
    return found


def put_back(
    tensors: Mapping[str, Tensor], network: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Put all that a training changes back where it was; returns the best weights."""
    network.load_state_dict(_within(tensors, "weights/"))
    for name, parameter in network.named_parameters():
        found = _within(tensors, f"optimizer/{name}/")
        # Before the first step the optimiser has no averages.
        if found:
            # Counted on the GPU where the optimiser works there in one piece, else on the CPU.
            counts = parameter.device if optimizer.defaults["capturable"] else "cpu"
            optimizer.state[parameter] = {
                key: value.to(counts if key == "step" else parameter.device)
                for key, value in found.items()
            }
    return _within(tensors, "best/")


def _walk(
    network: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    for name, parameter in network.named_parameters():
        if parameter in optimizer.state:
            yield name, optimizer.state[parameter]


def _within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


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


class Interrupts:
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
