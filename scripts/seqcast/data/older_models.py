"""Model files of version 4, which differ from today's in names alone."""

import re
from collections.abc import Mapping
from typing import Any

VERSION = 4
_TENSORS = {"direction": "weight_v", "length": "weight_g", "bias": "bias"}


def rename_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says of itself by the names of today; what is missing stays so."""
    renamed = _rename(header, {"model": "network"})
    network = renamed.get("network")
    if isinstance(network, Mapping):
        network = _rename(network, {"blocks": "kind", "squeeze": "downsample"})
        if network.get("kind") == "gated":
            network.pop("head_dropout", None)  # which did nothing
        renamed["network"] = network
    return renamed


def rename_weights(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return weights, tensors by name, by the names and in the shapes of today."""
    renamed = {_rename_tensor(name): value for name, value in weights.items()}
    head = renamed.get("head.weight")
    if head is not None and head.ndim == 3:
        renamed["head.weight"] = head.squeeze(2)  # a convolution one position wide
    return renamed


def _rename(part: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in part.items()}


def _rename_tensor(name: str) -> str:
    name = name.replace("trunk.squeeze.", "trunk.downsample.")
    block, _, part = name.rpartition(".")
    is_gated = re.fullmatch(r"trunk\.(downsample|dilated)\.\d+", block) and part in _TENSORS
    return f"{block}.conv.{_TENSORS[part]}" if is_gated else name
