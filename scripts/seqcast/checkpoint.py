"""`model.safetensors`: a network that rebuilds itself; and snapshots of the course's own.

The format is specified in docs/formats.md. No pickle is read or written.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from seqcast import __version__
from seqcast.card import FORMAT, FORMAT_VERSION, KEY, read_card
from seqcast.damage import refuse_damage
from seqcast.errors import SeqcastError
from seqcast.model import Network
from seqcast.settings import PRESETS, ModelSettings
from seqcast.targets import Targets

_ZIP = b"PK\x03\x04"


def write_model(path: str | Path, network: Network, training: dict[str, Any] | None = None) -> None:
    """Write a network with all it needs to predict, and what is worth knowing of its training."""
    path = Path(path)
    card = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": network.settings.model_dump(),
        "targets": json.loads(network.targets.to_json()),
        "crop": network.crop,
        "bin_size": network.settings.bin_size,
        "alphabet": "ACGT",
        "seqcast": __version__,
        "training": training or {},
    }
    state = network.state_dict()
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    partial = path.with_name(path.name + ".partial")
    # safetensors' own file could be read by its writer alone.
    partial.write_bytes(save(tensors, {KEY: json.dumps(card, sort_keys=True)}))
    os.replace(partial, path)


def read_model(path: str | Path) -> Network:
    """Rebuild a network from its file, ready to predict; Chainer snapshots are taken too."""
    if not Path(path).is_file():
        raise SeqcastError(f"{path}: there is no such model")
    with open(path, "rb") as file:
        if file.read(4) == _ZIP:
            return from_chainer(path)
    card = read_card(path)
    with refuse_damage(path, "its weights do not fit its settings", "train it anew"):
        targets = Targets.from_json(json.dumps(card["targets"]))
        network = Network(ModelSettings.model_validate(card["model"]), targets, card["crop"])
        with safe_open(path, "pt") as file:
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return network.eval()


def from_chainer(
    path: str | Path,
    settings: ModelSettings | None = None,
    names: Sequence[str] | None = None,
) -> Network:
    """Rebuild the course's network from a snapshot of its own, such as `out/model_epoch_10`.

    The snapshot holds weights alone: strides and dilations are those of `settings` (the preset
    `course`), targets are called by `names` or counted.
    """
    settings = settings or ModelSettings.model_validate(PRESETS["course"]["model"])
    with refuse_damage(path, "cannot be read as a Chainer snapshot", "copy it again"):
        try:
            # Given a name, np.load leaves a broken file open.
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                # Saved as L.Classifier(Net()) or as the bare Net().
                arrays = {key.removeprefix("predictor/"): file[key] for key in file.files}
        except BadZipFile as error:
            raise ValueError(error) from None
    if "l/W" not in arrays:
        raise SeqcastError(
            f"{path}: found {', '.join(sorted(arrays)[:4]) or 'nothing'}, wanted the arrays of the"
            " course's network (s_0/conv/W ... l/b)"
        )
    count = len(arrays["l/W"])
    targets = Targets.from_names(names or [f"target {index}" for index in range(count)])
    network = Network(settings, targets)
    state = {"head.weight": arrays["l/W"], "head.bias": arrays["l/b"]}
    for ours, theirs in (("squeeze", "s"), ("dilated", "d")):
        for index in range(len(getattr(settings, ours))):
            for part, letter in (("direction", "W"), ("length", "g"), ("bias", "b")):
                key = f"{theirs}_{index}/conv/{letter}"
                state[f"trunk.{ours}.{index}.{part}"] = arrays.get(key, np.empty(0, np.float32))
    try:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    except RuntimeError as error:
        raise SeqcastError(f"{path}: its arrays do not fit the network ({error})") from None
    return network.eval()


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
