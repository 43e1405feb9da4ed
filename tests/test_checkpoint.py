"""A model file rebuilds its network; what is no model is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parity import find_parity, read_parity
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import NETWORK, NETWORKS, TARGETS, predict

from seqcast.core.errors import SeqcastError
from seqcast.data.card import TrainingFacts, read_card
from seqcast.nn import Network
from seqcast.nn.checkpoint import (
    find_checkpoint,
    from_chainer,
    read_model,
    write_model,
    write_tensors,
)


def make_network(seed: int = 1) -> Network:
    torch.manual_seed(seed)
    return Network(NETWORK, TARGETS, crop=2)


def make_snapshot(network: Network, prefix: str = "predictor/") -> dict[str, np.ndarray]:
    letters = {"weight_v": "W", "weight_g": "g", "bias": "b"}
    arrays = {"l/W": network.head.weight[:, :, None], "l/b": network.head.bias}
    for part, letter in (("downsample", "s"), ("dilated", "d")):
        for index, block in enumerate(getattr(network.trunk, part)):
            for name, short in letters.items():
                arrays[f"{letter}_{index}/conv/{short}"] = getattr(block.conv, name)
    return {prefix + name: value.detach().numpy() for name, value in arrays.items()}


def test_a_network_comes_back_bit_by_bit(tmp_path: Path) -> None:
    network = make_network()
    write_model(tmp_path / "m.safetensors", network, {"epoch": 3})
    found = read_model(tmp_path / "m.safetensors")
    assert (found.settings, found.targets, found.crop) == (NETWORK, TARGETS, 2)
    assert not found.training
    wanted = network.state_dict()
    assert found.state_dict().keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_the_card_says_what_the_file_is(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors", make_network(), {"epoch": 3})
    card = read_card(tmp_path / "m.safetensors")
    assert (card.format, card.format_version) == ("seqcast-model", 5)
    assert (card.bin_size, card.alphabet, card.crop) == (16, "ACGT", 2)
    assert card.targets == TARGETS
    assert card.training == TrainingFacts(epoch=3)


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_model(tmp_path / name, make_network(seed), {"epoch": 3, "x": 1})
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(SeqcastError, match="there is no such model"):
        read_model(path)
    for content in (b"", b"no model", b"\x10" + b"\0" * 30):
        path.write_bytes(content)
        with pytest.raises(SeqcastError, match="cannot be read as a model"):
            read_model(path)
    write_model(path, make_network())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SeqcastError, match="is damaged"):
        read_model(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(SeqcastError, match="found format None version None, wanted 'seqcast-mod"):
        read_model(path)
    save_file({"x": torch.zeros(1)}, path, {"seqcast": '{"format": "seqcast-model"}'})
    with pytest.raises(SeqcastError, match="version None, wanted 'seqcast-model' version 5"):
        read_card(path)


def write_changed(
    path: Path,
    change: Callable[[dict[str, Any]], None] = lambda card: None,
    weights: Callable[[dict[str, torch.Tensor]], None] = lambda tensors: None,
    network: Network | None = None,
) -> None:
    """Write a tiny model whose header or weights are not what they should be."""
    write_model(path, network or make_network())
    tensors = load_file(path)
    with safe_open(path, "np") as file:
        card = json.loads(file.metadata()["seqcast"])
    card.pop("_seal")
    change(card)
    weights(tensors)
    write_tensors(path, tensors, card)


def set_key(*keys: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what sets a value deep inside a header."""

    def change(card: Any) -> None:
        *path, last = keys
        for key in path:
            card = card[key]
        card[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_key("alphabet", value="TGCA"), "alphabet: found 'TGCA', wanted 'ACGT'"),
        (set_key("crop", value=-5), "crop: found -5, wanted greater than or equal to 0"),
        (set_key("crop", value="2"), "crop: found '2', wanted a valid integer"),
        (set_key("bin_size", value=8), "bin_size is 8, but the strides 4 x 4 make bins of 16"),
        (set_key("targets", "scale", 1, value=0), "targets.scale.1: found 0, wanted greater tha"),
        (set_key("targets", "scale", 1, value=float("nan")), "scale.1: found nan, wanted a finit"),
        (set_key("targets", "scale", 1, value=None), "targets.scale.1: found None, wanted a valid"),
        (set_key("targets", "clip", 0, value=float("inf")), "targets.clip.0: found inf, wanted a"),
        (set_key("targets", "span", 2, value=0), "targets.span.2: found 0, wanted greater than 0"),
        (set_key("targets", "scale", value=[1.0]), "columns of different lengths"),
        (set_key("targets", "strand_pair", value=[0, 1, 1]), "'starts -' has strand pair 1"),
        (set_key("targets", "colour", value=["red"] * 3), "targets.colour: unknown key"),
        (set_key("targets", value=3), "targets: found 3, wanted"),
        (set_key("netwrok", value={}), r"netwrok: unknown key \(did you mean 'network'\?\)"),
        (lambda card: card.pop("crop"), "crop: is needed and not given"),
        (lambda card: card.pop("targets"), "targets: is needed and not given"),
        (lambda card: card["targets"].pop("scale"), "targets.scale: is needed and not given"),
        (
            set_key("network", "downsample", 0, "stride", value=0),
            "network.downsample.0.stride: found 0",
        ),
        (set_key("network", "kind", value="gate"), "network.kind: found 'gate', wanted gated or"),
        (lambda card: card["network"].pop("kind"), "network.kind: is needed and not given"),
        (set_key("network", value=3), "network: found 3, wanted an object"),
        (set_key("network", "head_dropout", value=0.1), "network.head_dropout: unknown key"),
        (
            set_key("network", "dilated", 1, "dilation", value=4),
            "receptive_field is 109, but .* sees 173",
        ),
        (set_key("training", "settings", value={"epochs": 0}), "training.settings.epochs: found 0"),
        (set_key("training", "window", value=-1), "training.window: found -1, wanted"),
    ],
)
def test_a_header_is_not_believed(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = tmp_path / "m.safetensors"

    def both(card: dict[str, Any]) -> None:
        card["training"]["receptive_field"] = make_network().settings.receptive_field
        change(card)

    write_changed(path, both)
    with pytest.raises(SeqcastError, match=message) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "train it anew" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda tensors: tensors.pop("head.bias"), "head.bias is not there"),
        (lambda tensors: tensors.update(x=torch.zeros(1)), "x is of no use to it"),
        (
            lambda tensors: tensors.update({"head.bias": torch.zeros(4)}),
            r"head.bias is float32 \(4,\), wanted float32 \(3,\)",
        ),
        (
            lambda tensors: tensors.update({"head.bias": torch.zeros(3, dtype=torch.float64)}),
            r"head.bias is float64 \(3,\), wanted float32 \(3,\)",
        ),
    ],
)
def test_weights_must_fit_their_card(
    tmp_path: Path, weights: Callable[[dict[str, torch.Tensor]], None], message: str
) -> None:
    write_changed(tmp_path / "m", weights=weights)
    with pytest.raises(SeqcastError, match=f"its weights do not fit its settings: {message}"):
        read_model(tmp_path / "m")


def make_older(path: Path, network: Network) -> None:
    """Write a model as version 4 did: other names, and a head one position wide."""

    def rename(card: dict[str, Any]) -> None:
        settings = card.pop("network")
        card["format_version"] = 4
        card["model"] = {
            "blocks": settings["kind"],
            "squeeze": settings["downsample"],
            "dilated": settings["dilated"],
            "head_dropout": settings.get("head_dropout", 0.0),
        }

    def rename_weights(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors):
            older = name.replace("downsample", "squeeze").replace("conv.bias", "bias")
            older = older.replace("conv.weight_v", "direction").replace("conv.weight_g", "length")
            tensors[older] = tensors.pop(name)
        tensors["head.weight"] = tensors["head.weight"][:, :, None]

    write_changed(path, rename, rename_weights, network)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_models_of_version_4_are_read(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(1)
    network = Network(NETWORKS[kind], TARGETS, crop=2)
    make_older(tmp_path / "m", network)
    found = read_model(tmp_path / "m")
    assert found.settings == NETWORKS[kind]
    wanted = network.state_dict()
    assert found.state_dict().keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.state_dict().items())


def test_faults_of_older_headers_have_names_of_today(tmp_path: Path) -> None:
    write_changed(tmp_path / "m", lambda card: card.update(format_version=4, network=None))
    with pytest.raises(SeqcastError, match="network: found None, wanted an obj"):
        read_model(tmp_path / "m")
    write_changed(tmp_path / "m", set_key("format_version", value=3))
    with pytest.raises(SeqcastError, match="found format 'seqcast-model' version 3, wanted"):
        read_model(tmp_path / "m")


@pytest.mark.parametrize("out", [10**9, 10**17])
def test_a_huge_network_is_refused_before_it_takes_memory(tmp_path: Path, out: int) -> None:
    write_changed(tmp_path / "m", set_key("network", "downsample", 0, "out", value=out))
    with pytest.raises(SeqcastError, match="its weights do not fit its settings"):
        read_model(tmp_path / "m")


def test_the_courses_snapshot_predicts_what_the_course_did(tmp_path: Path) -> None:
    wanted = read_parity("forward.npz")
    network = read_model(find_parity("chainer_snapshot.npz"))
    write_model(tmp_path / "m.safetensors", network)
    for each in (network, read_model(tmp_path / "m.safetensors")):
        coverage = predict(each, wanted["codes"])
        np.testing.assert_allclose(np.log(coverage), wanted["log_rate"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("prefix", ["predictor/", ""])
def test_snapshots_with_and_without_a_classifier(tmp_path: Path, prefix: str) -> None:
    network = make_network()
    # The course called its snapshots model_epoch_N, without a suffix.
    with open(tmp_path / "model_epoch_3", "wb") as file:
        np.savez(file, **make_snapshot(network, prefix))
    found = from_chainer(tmp_path / "model_epoch_3", NETWORK, ["a", "b", "c"])
    assert found.targets.identifier == ("a", "b", "c")
    wanted = network.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in found.state_dict().items())
    unnamed = from_chainer(tmp_path / "model_epoch_3", NETWORK)
    assert unnamed.targets.identifier == ("target 0", "target 1", "target 2")


def test_broken_snapshots_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.npz"
    np.savez_compressed(path, **make_snapshot(make_network()))
    whole = path.read_bytes()
    for broken in (whole[:-30], whole[:200], whole[:300] + b"\xff" * 200 + whole[500:]):
        path.write_bytes(broken)
        with pytest.raises(SeqcastError, match=r"snapshot.npz: (cannot be read|its arrays|found)"):
            read_model(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(SeqcastError, match="found x, wanted the arrays of the course's network"):
        read_model(path)
    np.savez(path, **make_snapshot(make_network()))
    with pytest.raises(SeqcastError, match="its arrays do not fit the network"):
        read_model(path)
    np.savez(path, **{**make_snapshot(make_network()), "l/b": np.array(["a", "b", "c"])})
    with pytest.raises(SeqcastError, match="its arrays do not fit the network"):
        read_model(path)
    np.savez(path, **{"l/W": np.float32(1)})
    with pytest.raises(SeqcastError, match="found l/W, wanted the arrays"):
        read_model(path)
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(SeqcastError, match="cannot be read as a Chainer snapshot"):
        read_model(path)


def test_which_checkpoint_is_meant(tmp_path: Path) -> None:
    best, snapshots = tmp_path / "model.safetensors", tmp_path / "snapshots"
    assert find_checkpoint("best", best, snapshots) == best
    assert find_checkpoint("out/model_epoch_10", best, snapshots) == Path("out/model_epoch_10")
    with pytest.raises(SeqcastError, match="the weights of epoch 3 are not there"):
        find_checkpoint("3", best, snapshots)
    snapshots.mkdir()
    (snapshots / "model_epoch_3.safetensors").touch()
    assert find_checkpoint("3", best, snapshots) == snapshots / "model_epoch_3.safetensors"
