"""A model file rebuilds its network; what is no model is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from parity import find_parity, read_parity
from safetensors.torch import save_file
from tiny import NETWORK, TARGETS

from seqcast.checkpoint import find_checkpoint, from_chainer, read_card, read_model, write_model
from seqcast.errors import SeqcastError
from seqcast.inference import predict
from seqcast.model import Network


def make_network(seed: int = 1) -> Network:
    torch.manual_seed(seed)
    return Network(NETWORK, TARGETS, crop=2)


def make_snapshot(network: Network, prefix: str = "predictor/") -> dict[str, np.ndarray]:
    letters = {"direction": "W", "length": "g", "bias": "b"}
    arrays = {"l/W": network.head.weight, "l/b": network.head.bias}
    for kind, letter in (("squeeze", "s"), ("dilated", "d")):
        for index, block in enumerate(getattr(network.trunk, kind)):
            for part, short in letters.items():
                arrays[f"{letter}_{index}/conv/{short}"] = getattr(block, part)
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
    assert (card["format"], card["format_version"]) == ("seqcast-model", 4)
    assert (card["bin_size"], card["alphabet"], card["crop"]) == (16, "ACGT", 2)
    assert card["targets"]["identifier"] == list(TARGETS.identifier)
    assert card["training"] == {"epoch": 3}


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
    with pytest.raises(SeqcastError, match="cannot be read as a model"):
        read_model(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(SeqcastError, match="found format None version None, wanted 'seqcast-mod"):
        read_model(path)
    save_file({"x": torch.zeros(1)}, path, {"seqcast": '{"format": "seqcast-model"}'})
    with pytest.raises(SeqcastError, match="version None, wanted 'seqcast-model' version 4"):
        read_card(path)


def test_weights_must_fit_their_card(tmp_path: Path) -> None:
    network = make_network()
    del network.head.bias
    write_model(tmp_path / "m", network)
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
