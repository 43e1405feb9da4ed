"""What a training is taken up again from: one file, and the one before it.

The format is specified in docs/formats.md. No pickle is read or written, and no state of a random
generator: all that is drawn is a function of seed, epoch and window.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from seqcast.card import read_header
from seqcast.checkpoint import write_tensors
from seqcast.console import log
from seqcast.disk import give_name, written_whole
from seqcast.errors import SeqcastError

FORMAT, FORMAT_VERSION = "seqcast-training", 2
_NAMES = ("state.safetensors", "state.before.safetensors")
_REMEDY = "what was saved before it is used, if anything"


@dataclass
class Place:
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
    """A place, and the weights, the best weights and the optimiser's averages there, by name."""

    place: Place
    tensors: dict[str, Tensor]


def make_key(**parts: Any) -> dict[str, str]:
    """Return a digest of each part of what the weights follow from."""
    return {
        name: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
        for name, part in parts.items()
    }


def write_state(folder: Path, key: Mapping[str, str], state: State) -> None:
    """Write a state; it gets its name when it is on the disk, and the one before is kept.

    Raises `OSError` where it cannot be written; what was there is then still there.
    """
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "key": dict(key),
        "place": asdict(state.place),
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
            return _read(path, found["place"])
        log.info("%s is not used: it is of other %s", path, ", ".join(changed))
    return None


def _read(path: Path, place: Mapping[str, Any]) -> State:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return State(Place(**{**place, "rows": [tuple(row) for row in place["rows"]]}), tensors)


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
