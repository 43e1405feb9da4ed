"""Predictions are in the units of the input, whatever the batches."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import BIN, CROP, NETWORK, TARGETS, WINDOW, predict, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.data import Dataset
from seqcast.data.predictions import read_predictions
from seqcast.data.targets import Targets
from seqcast.genome.codes import reverse_complement
from seqcast.nn import Network
from seqcast.nn.checkpoint import write_model
from seqcast.nn.device import Device
from seqcast.predict.inference import predict_dataset
from seqcast.predict.trained import TrainedModel
from seqcast.settings import TrainSettings
from seqcast.settings.steps import PredictSettings

TRAINING = TrainSettings(device="cpu", precision="float32", threads=2)


def make_network(targets: Targets = TARGETS, crop: int = CROP) -> Network:
    torch.manual_seed(1)
    return Network(NETWORK, targets, crop)


def make_codes(windows: int, length: int = WINDOW) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 5, (windows, length), dtype=np.uint8)


def run(
    folder: Path,
    dataset: Dataset,
    network: Network | None = None,
    *,
    facts: dict[str, Any] | None = None,
    **changes,
):
    write_model(folder / "m.safetensors", network or make_network(), facts)
    settings = PredictSettings.model_validate(changes)
    model = TrainedModel(folder / "m.safetensors", dataset.path, settings, TRAINING, name="a")
    predict_dataset(model, folder / "p.h5")
    return read_predictions(folder / "p.h5", dataset)


def test_coverage_is_in_the_units_of_the_input(device: torch.device) -> None:
    network, codes = make_network(), make_codes(3)
    found = predict(network, codes, device=Device(device, "float32", ""))
    assert found.dtype == np.float32
    assert found.shape == (3, WINDOW // BIN - 2 * CROP, 3)
    with torch.inference_mode():
        log_rate = network.cpu().eval()(torch.from_numpy(codes)).double().numpy()
    np.testing.assert_allclose(found, np.exp(log_rate) / [1, 2, 0.5], rtol=1e-4)


def test_batches_do_not_matter() -> None:
    network, codes = make_network(), make_codes(5)
    wanted = predict(network, codes, batch_size=5)
    for size in (1, 2, 8):
        np.testing.assert_allclose(predict(network, codes, batch_size=size), wanted, rtol=1e-5)


def test_a_network_in_training_predicts_without_dropout() -> None:
    network, codes = make_network().train(), make_codes(1)
    assert np.array_equal(predict(network, codes), predict(network.train(), codes))


def test_codes_on_disk_are_taken_as_they_are(tiny_dataset: Dataset) -> None:
    codes = tiny_dataset.codes_of(0)[None]
    assert not codes.flags.writeable
    assert np.array_equal(predict(make_network(), codes), predict(make_network(), codes.copy()))


def test_no_window_is_no_prediction() -> None:
    assert predict(make_network(), make_codes(0)).shape == (0, WINDOW // BIN - 2 * CROP, 3)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (make_codes(1)[0], r"codes are uint8 of shape \(256,\), wanted uint8"),
        (make_codes(1).astype(int), "codes are int64"),
        (make_codes(1) + np.uint8(1), "with 0..3 = ACGT and 4 = N"),
        (make_codes(1, 250), "windows of 250 bases do not divide into bins of 16; cut or pad"),
    ],
)
def test_codes_that_are_none_are_refused(codes: np.ndarray, message: str) -> None:
    with pytest.raises(SeqcastError, match=message):
        predict(make_network(), codes)


@pytest.mark.parametrize("split", ["train", "valid", "test", "all"])
def test_all_windows_of_a_split_are_predicted(
    tmp_path: Path, tiny_dataset: Dataset, split: str
) -> None:
    found = run(tmp_path, tiny_dataset, split=split, batch_size=2)
    rows = tiny_dataset.rows_of(split)
    assert np.array_equal(found.rows, rows)
    assert (found.model, found.checkpoint_digest) == ("a", sha256_of(tmp_path / "m.safetensors"))
    codes = np.stack([tiny_dataset.codes_of(row) for row in rows])
    wanted = predict(make_network(), codes)
    stacked = np.stack([found.read(target) for target in range(3)], axis=-1)
    np.testing.assert_allclose(stacked, wanted, rtol=1e-5)


def test_a_few_windows_are_shown_as_in_the_chapter(
    tmp_path: Path, tiny_dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "seqcast"):
        found = run(tmp_path, tiny_dataset, windows=2)
    assert len(found.rows) == 2
    assert "shape (windows, bins, targets): (2, 12, 3)" in caplog.text
    assert "predict a: 2 windows in" in caplog.text


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (make_network(Targets.from_names(["a"])), "has 1 targets, but .* has 3"),
        (make_network(crop=1), "has 1 bins of crop, but .* has 2"),
    ],
)
def test_models_of_other_data_are_refused(
    tmp_path: Path, tiny_dataset: Dataset, network: Network, message: str
) -> None:
    with pytest.raises(SeqcastError, match=message):
        run(tmp_path, tiny_dataset, network)
    assert not (tmp_path / "p.h5").exists()


def test_models_with_other_bins_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    dataset = write_tiny(
        tmp_path / "d.h5",
        {
            name: (tiny_dataset.codes[:512], np.zeros((64, 3), np.float32))
            for name in ("chr1", "chr2", "chr3")
        },
        windows=tiny_dataset.windows[:2],
        bin_size=8,
    )
    with pytest.raises(SeqcastError, match=r"has 16 bases a bin, but .* has 8"):
        run(tmp_path, dataset, split="train")


def test_models_that_predict_nonsense_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    network = make_network()
    with torch.no_grad():
        network.head.bias[1] = 1000
    with pytest.raises(SeqcastError, match="predicts 36 values that are not finite"):
        run(tmp_path, tiny_dataset, network)
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors"}


def test_both_strands_say_the_same() -> None:
    network, codes = make_network(), make_codes(3)
    forward = predict(network, codes, both_strands=True)
    backward = predict(network, reverse_complement(codes), both_strands=True)
    scale = network.targets.scaling.factor
    assert np.allclose(
        (backward * scale)[:, ::-1, list(TARGETS.strand_pair)] / scale, forward, rtol=1e-5
    )
    assert not np.allclose(predict(network, codes), forward, rtol=1e-3)


def test_what_a_model_was_trained_on_decides_on_strands(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    network = make_network()
    row = tiny_dataset.rows_of("test")[0]
    for trained_on_both in (True, False):
        facts = {"settings": {"reverse_complement": trained_on_both}}
        found = run(tmp_path, tiny_dataset, network, facts=facts)
        codes = tiny_dataset.codes_of(row)[None]
        wanted = predict(network, codes, both_strands=trained_on_both)
        assert np.allclose(found.read_window(0), wanted[0], rtol=1e-5)


def test_a_model_that_does_not_say_is_predicted_from_one_strand(
    tmp_path: Path, tiny_dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "seqcast"):
        found = run(tmp_path, tiny_dataset)
    assert "does not say whether it was trained on both strands" in caplog.text
    codes = tiny_dataset.codes_of(tiny_dataset.rows_of("test")[0])[None]
    assert np.allclose(found.read_window(0), predict(make_network(), codes)[0], rtol=1e-5)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_model_of_another_fold_is_told(
    tmp_path: Path, tiny_dataset: Dataset, caplog: pytest.LogCaptureFixture, fold: int
) -> None:
    with caplog.at_level("WARNING", "seqcast"):
        run(tmp_path, tiny_dataset, facts={"dataset_digest": tiny_dataset.digest, "fold": fold})
    assert ("it has learned from some of them" in caplog.text) == (fold == 1)


def turn(targets: Targets) -> Targets:
    """Return the same targets in another order."""
    columns = {key: values[::-1] for key, values in asdict(targets).items()}
    return Targets(**{**columns, "strand_pair": (1, 0, 2)})


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (turn(TARGETS), r"identifier of target 0 \(peaks\) is 'starts -', but .* has 'peaks': the"
         r" same targets in another order \(2 of 3 differ\)"),
        (replace(TARGETS, identifier=("peaks", "starts +", "x")), r"identifier of target 2 .*'x'"),
        (replace(TARGETS, strand_pair=(0, 1, 2)), r"strand_pair of target 1 .* is 1, but .* has 2"),
        (replace(TARGETS, scale=(1.0, 4.0, 0.5)), r"scale of target 1 .* is 4.0, but .* has 2.0"),
        (replace(TARGETS, clip=(None, None, 9.0)), r"clip of target 2 .* is 9.0, but .* has None"),
        (replace(TARGETS, span=(1, 1, 16)), "span of target 2"),
        (replace(TARGETS, sum_stat=("mean", "sum", "sum")), "sum_stat of target 0"),
    ],
)  # fmt: skip
def test_targets_must_be_those_of_the_dataset(
    tmp_path: Path, tiny_dataset: Dataset, targets: Targets, message: str
) -> None:
    with pytest.raises(SeqcastError, match=message):
        run(tmp_path, tiny_dataset, make_network(targets))
    assert not (tmp_path / "p.h5").exists()


def test_words_for_people_need_not_fit(tmp_path: Path, tiny_dataset: Dataset) -> None:
    run(tmp_path, tiny_dataset, make_network(replace(TARGETS, description=("a", "b", "c"))))


def test_targets_that_are_only_counted_are_those_of_the_dataset(
    tmp_path: Path, tiny_dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    """As those of a snapshot of the course; strands are swapped as the dataset says."""
    network = make_network(Targets.from_names([f"target {index}" for index in range(3)]))
    with caplog.at_level("WARNING", "seqcast"):
        found = run(tmp_path, tiny_dataset, network, strands="both")
    assert "names no targets: they are taken to be those of" in caplog.text
    network.targets = replace(TARGETS, scale=(1.0, 1.0, 1.0))
    codes = tiny_dataset.codes_of(tiny_dataset.rows_of("test")[0])[None]
    wanted = predict(network, codes, both_strands=True)
    assert np.allclose(found.read_window(0), wanted[0], rtol=1e-5)


def test_a_crop_that_leaves_no_bin_is_refused() -> None:
    with pytest.raises(SeqcastError, match="windows of 64 bases have no bin left between crops"):
        predict(make_network(), make_codes(1, 64))


def test_a_control_is_predicted_of_shuffled_sequence(tmp_path: Path, tiny_dataset: Dataset) -> None:
    found = run(tmp_path, tiny_dataset)
    assert found.control.rows.tolist() == found.rows.tolist()
    assert found.control.read(0).shape == found.read(0).shape
    assert not np.allclose(found.control.read(0), found.read(0))
