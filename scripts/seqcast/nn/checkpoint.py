"""`model.safetensors`: a network that rebuilds itself; and snapshots of the course's own.

The format is specified in docs/formats.md. No pickle is read or written.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from seqcast import __version__
from seqcast.core.damage import refuse_damage
from seqcast.core.disk import written_whole
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import BLANK, seal
from seqcast.data import older_models
from seqcast.data.card import (
    FORMAT,
    FORMAT_VERSION,
    KEY,
    SEAL_KEY,
    Card,
    TrainingFacts,
    read_card,
)
from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.settings import PRESETS, GatedSettings, TrainSettings, read_network

_ZIP = b"PK\x03\x04"


def write_model(path: str | Path, network: Network, training: dict[str, Any] | None = None) -> None:
    """Write a network with all it needs to predict, and what is worth knowing of its training."""
    path = Path(path)
    card = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "network": network.settings.model_dump(),
        "targets": json.loads(network.targets.to_json()),
        "crop": network.crop,
        "bin_size": network.settings.bin_size,
        "alphabet": "ACGT",
        "seqcast": __version__,
        "training": training or {},
    }
    state = network.state_dict()
    with written_whole(path) as partial:
        write_tensors(partial, state, card)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors as safetensors, with what the file says of itself, and seal it."""
    arrays = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = json.dumps({SEAL_KEY: BLANK, **header}, sort_keys=True)
    # safetensors' own file could be read by its writer alone.
    path.write_bytes(save(arrays, {KEY: content}))
    seal(path)


def read_model(path: str | Path) -> Network:
    """Rebuild a network from its file, ready to predict; Chainer snapshots are taken too."""
    if is_snapshot(path):
        return from_chainer(path)
    card = read_card(path)
    with safe_open(path, "pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if card.format_version == older_models.VERSION:
        weights = older_models.rename_weights(weights)
    _check_weights(path, card, weights)
    network = Network(card.network, card.targets, card.crop)
    network.load_state_dict(weights)
    return network.eval()


def is_snapshot(path: str | Path) -> bool:
    """Say whether a model is a Chainer snapshot: weights alone, without a header."""
    if not Path(path).is_file():
        raise SeqcastError(f"{path}: there is no such model")
    with open(path, "rb") as file:
        return file.read(4) == _ZIP


def read_training(path: str | Path) -> TrainingFacts:
    """Return what is known of how a model was trained.

    Of a Chainer snapshot nothing is, but that the course trained as its preset says.
    """
    if is_snapshot(path):
        return TrainingFacts(settings=TrainSettings.model_validate(PRESETS["course"]["train"]))
    return read_card(path).training


def _check_weights(path: str | Path, card: Card, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of the network that the header describes."""
    try:
        # On `meta` tensors have a shape and no memory: a header may claim any size.
        with torch.device("meta"):
            wanted = Network(card.network, card.targets, card.crop).state_dict()
    except RuntimeError as error:
        fault = f"no machine holds its network ({error})"
        raise SeqcastError(f"{path}: its weights do not fit its settings: {fault}") from None
    faults = [f"{name} is not there" for name in wanted if name not in weights]
    faults += [f"{name} is of no use to it" for name in weights if name not in wanted]
    faults += [
        f"{name} is {_describe(weights[name])}, wanted {_describe(wanted[name])}"
        for name in wanted
        if name in weights and _describe(weights[name]) != _describe(wanted[name])
    ]
    if faults:
        more = f" (and {len(faults) - 1:,} more faults)" if faults[1:] else ""
        raise SeqcastError(
            f"{path}: its weights do not fit its settings: {faults[0]}{more}; train it anew"
        )


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def from_chainer(
    path: str | Path,
    settings: GatedSettings | None = None,
    names: Sequence[str] | None = None,
) -> Network:
    """Rebuild the course's network from a snapshot of its own, such as `out/model_epoch_10`.

    The snapshot holds weights alone: strides and dilations are those of `settings` (the preset
    `course`), targets are called by `names` or counted.
    """
    settings = settings or read_network(PRESETS["course"]["network"])
    with refuse_damage(path, "cannot be read as a Chainer snapshot", "copy it again"):
        try:
            # Given a name, np.load leaves a broken file open.
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                # Saved as L.Classifier(Net()) or as the bare Net().
                arrays = {key.removeprefix("predictor/"): file[key] for key in file.files}
        except BadZipFile as error:
            raise ValueError(error) from None
    if "l/W" not in arrays or not arrays["l/W"].ndim:
        raise SeqcastError(
            f"{path}: found {', '.join(sorted(arrays)[:4]) or 'nothing'}, wanted the arrays of the"
            " course's network (s_0/conv/W ... l/b)"
        )
    count = len(arrays["l/W"])
    targets = Targets.from_names(names or count_names(count))
    network = Network(settings, targets)
    head = arrays["l/W"]
    state = {
        "head.weight": head[..., 0] if head.shape[2:] == (1,) else head,
        "head.bias": arrays["l/b"],
    }
    for ours, theirs in (("downsample", "s"), ("dilated", "d")):
        for index in range(len(getattr(settings, ours))):
            for part, letter in (("weight_v", "W"), ("weight_g", "g"), ("bias", "b")):
                key = f"{theirs}_{index}/conv/{letter}"
                state[f"trunk.{ours}.{index}.conv.{part}"] = arrays.get(key, np.empty(0, "f4"))
    try:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    except (RuntimeError, TypeError) as error:
        raise SeqcastError(f"{path}: its arrays do not fit the network ({error})") from None
    return network.eval()


def count_names(count: int) -> tuple[str, ...]:
    """Return what targets are called of which nobody says the names."""
    return tuple(f"target {index}" for index in range(count))


def find_checkpoint(wanted: str, best: Path, snapshots: Path) -> Path:
    """Return the model file that `predict.checkpoint` means: `best`, an epoch, or a path."""
    if wanted == "best":
        return best
    if not wanted.isdigit():
        return Path(wanted)
    path = snapshots / f"model_epoch_{wanted}.safetensors"
    if not path.is_file():
        raise SeqcastError(
            f"{path}: the weights of epoch {wanted} are not there; train again with"
            f" train.snapshots: every (delete {best} first)"
        )
    return path
