"""Training on a tiny dataset: the same seed gives the same bits, and the loss goes down."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import (
    BIN,
    CROP,
    NETWORK,
    NETWORKS,
    TARGETS,
    WINDOW,
    make_all_windows,
    make_contigs,
    make_task,
    write_tiny,
)

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.nn import Network
from seqcast.nn.checkpoint import read_card, read_model
from seqcast.nn.device import Device
from seqcast.nn.loss import mean_loss
from seqcast.settings import TrainSettings
from seqcast.training import train
from seqcast.training.loader import Batch
from seqcast.training.loop import Trainer
from seqcast.training.validation import Validation, read_sums, start_sums, sum_batch

CPU = Device(torch.device("cpu"), "float32", "")


def run(folder: Path, dataset: Dataset, **changes: Any) -> SimpleNamespace:
    """Train into a folder; returns the model file, the history and the snapshots."""
    folder.mkdir(exist_ok=True)
    values = {
        "epochs": 2,
        "batch_size": 1,
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "clip_norm": 1.0,
        **changes,
    }
    task = make_task(folder, dataset, **values)
    train(task)
    with open(task.history, newline="") as file:
        history = list(csv.DictReader(file, delimiter="\t"))
    return SimpleNamespace(model=task.model, history=history, snapshots=task.snapshots)


def without_seconds(history: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def step_and_read(trainer: Trainer, batch: Batch) -> float:
    trainer.train_step(batch)
    (loss,) = trainer.read_losses()
    return loss


def make_trainer(dataset: Dataset, **changes: Any) -> Trainer:
    torch.manual_seed(1)
    network = Network(NETWORK, dataset.targets, dataset.crop)
    return Trainer(network, dataset, TrainSettings.model_validate(changes), CPU)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("training")
    return run(folder, tiny_dataset, epochs=3, snapshots="every", learning_rate=1e-2)


def test_the_same_seed_gives_the_same_bits(
    tmp_path: Path, tiny_dataset: Dataset, trained: SimpleNamespace
) -> None:
    again = run(tmp_path, tiny_dataset, epochs=3, snapshots="every", learning_rate=1e-2)
    assert without_seconds(again.history) == without_seconds(trained.history)
    assert again.model.read_bytes() == trained.model.read_bytes()


def test_another_seed_gives_other_weights(
    tmp_path: Path, tiny_dataset: Dataset, trained: SimpleNamespace
) -> None:
    other = run(tmp_path, tiny_dataset, epochs=3, seed=2, snapshots="every", learning_rate=1e-2)
    assert without_seconds(other.history) != without_seconds(trained.history)
    assert not torch.equal(
        read_model(other.model).head.weight, read_model(trained.model).head.weight
    )


def test_nothing_of_an_earlier_training_counts(tmp_path: Path, tiny_dataset: Dataset) -> None:
    first = run(tmp_path, tiny_dataset, snapshots="every")
    bits, history = first.model.read_bytes(), without_seconds(first.history)
    (first.snapshots / "model_epoch_9.safetensors").touch()
    again = run(tmp_path, tiny_dataset, snapshots="every")
    assert again.model.read_bytes() == bits
    assert without_seconds(again.history) == history
    assert len(list(again.snapshots.iterdir())) == 2


def test_the_global_generator_does_not_matter(tmp_path: Path, tiny_dataset: Dataset) -> None:
    bits = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        bits.append(run(tmp_path, tiny_dataset, epochs=1).model.read_bytes())
    assert bits[0] == bits[1]


def test_history_has_five_rows_an_epoch(trained: SimpleNamespace) -> None:
    rows = trained.history
    assert tuple(rows[0]) == (
        "epoch",
        "step",
        "train_loss",
        "valid_loss",
        "learning_rate",
        "seconds",
    )
    assert len(rows) == 15
    assert [row["step"] for row in rows[:5]] == ["1", "3", "4", "6", "7"]
    assert [float(row["epoch"]) for row in rows[4::5]] == [1, 2, 3]
    assert [bool(row["valid_loss"]) for row in rows] == [False, False, False, False, True] * 3
    assert [float(row["learning_rate"]) for row in rows[4::5]] == pytest.approx(
        [1e-2, 7.5e-3, 2.5e-3]
    )
    seconds = [float(row["seconds"]) for row in rows]
    assert seconds == sorted(seconds)


def test_short_epochs_have_a_row_a_step(tmp_path: Path, tiny_dataset: Dataset) -> None:
    history = run(tmp_path, tiny_dataset, batch_size=4).history
    assert [row["step"] for row in history] == ["1", "2", "3", "4"]
    assert [bool(row["valid_loss"]) for row in history] == [False, True, False, True]


def test_training_makes_the_loss_smaller(tmp_path: Path, tiny_dataset: Dataset) -> None:
    history = run(tmp_path, tiny_dataset, epochs=12, learning_rate=2e-2, max_shift=0).history
    train_losses = [float(row["train_loss"]) for row in history]
    valid_losses = [float(row["valid_loss"]) for row in history if row["valid_loss"]]
    assert np.mean(train_losses[-5:]) < 0.8 * np.mean(train_losses[:5])
    assert min(valid_losses) < 0.9 * valid_losses[0]


def test_snapshots_are_kept_where_asked_for(
    tmp_path: Path, tiny_dataset: Dataset, trained: SimpleNamespace
) -> None:
    names = sorted(path.name for path in trained.snapshots.iterdir())
    assert names == [f"model_epoch_{epoch}.safetensors" for epoch in (1, 2, 3)]
    assert not run(tmp_path, tiny_dataset, epochs=1).snapshots.exists()


def test_the_card_says_how_it_was_trained(trained: SimpleNamespace, tiny_dataset: Dataset) -> None:
    facts = read_card(trained.model).training
    assert (facts.dataset_digest, facts.fold) == (tiny_dataset.digest, 0)
    assert (facts.device, facts.precision, facts.threads) == ("cpu", "float32", 1)
    assert facts.settings.learning_rate == 1e-2
    valid = {n: float(row["valid_loss"]) for n, row in enumerate(trained.history[4::5], start=1)}
    assert facts.epoch == min(valid, key=valid.get)
    assert facts.valid_loss == pytest.approx(valid[facts.epoch], abs=1e-6)


@pytest.mark.parametrize(
    ("valid", "best"),
    [
        ([3.0, 1.0, 2.0], 2),
        ([1.0, 1.0, 1.0], 1),
        ([math.nan, 2.0, 3.0], 2),
        ([2.0, math.nan, 1], 3),
    ],
)
def test_the_best_epoch_is_kept(
    tmp_path: Path, tiny_dataset: Dataset, monkeypatch, valid: list[float], best: int
) -> None:
    losses = iter(valid)
    monkeypatch.setattr(Trainer, "validate", lambda *_: Validation(next(losses)))
    found = run(tmp_path, tiny_dataset, epochs=3, snapshots="every", batch_size=4)
    assert read_card(found.model).training.epoch == best
    kept = (found.snapshots / f"model_epoch_{best}.safetensors").read_bytes()
    assert found.model.read_bytes() == kept


def test_a_loss_that_is_not_finite_stops_at_once(tmp_path: Path) -> None:
    contigs = make_contigs()
    contigs["chr1"][1][30, 1] = np.inf
    dataset = write_tiny(tmp_path / "d.h5", contigs)
    with pytest.raises(SeqcastError) as caught:
        run(tmp_path, dataset, batch_size=7)
    message = str(caught.value)
    assert message.startswith("the loss is not finite at step 1, first in target 'starts +'")
    assert message.endswith("; set train.units: mean, or lower train.learning_rate")
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.usefixtures("double")
def test_masked_bins_change_nothing(tiny_dataset: Dataset) -> None:
    trainer = make_trainer(tiny_dataset, clip_norm=1e9, batch_size=2)
    batch = next(trainer.loader.training(trainer.train_rows, 0))
    codes, coverage, noise = trainer.loader.cut(batch)
    known = ~torch.isnan(coverage)
    assert not known.all()
    trainer.train_step(batch)
    found = {name: p.grad.clone() for name, p in trainer.network.named_parameters()}
    for value in (0.0, 1e6):
        # Whatever stands in the masked bins, they are left out of the mean.
        filled = torch.where(known, coverage, value)
        other = make_trainer(tiny_dataset)
        other.network.train()
        x = other.network(codes, noise)
        mean_loss(x[known], filled[known]).backward()
        for name, parameter in other.network.named_parameters():
            torch.testing.assert_close(parameter.grad, found[name], rtol=1e-4, atol=1e-7)


@pytest.mark.usefixtures("double")
def test_validation_weighs_every_known_value_alike(tiny_dataset: Dataset) -> None:
    losses = [make_trainer(tiny_dataset, batch_size=size).validate().loss for size in (1, 2, 5)]
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-6)


def test_dropout_does_not_depend_on_what_was_drawn_before(tiny_dataset: Dataset) -> None:
    losses = []
    for drawn_before in range(2):
        trainer = make_trainer(tiny_dataset, batch_size=2)
        batch = next(trainer.loader.training(trainer.train_rows, 0))
        torch.rand(drawn_before)
        losses.append(step_and_read(trainer, batch))
    assert losses[0] == losses[1]
    table_BP = batch.table_BP.clone()
    table_BP[:, -1] += 1
    assert step_and_read(make_trainer(tiny_dataset), batch._replace(table_BP=table_BP)) != losses[0]


def test_gradients_are_clipped(tiny_dataset: Dataset) -> None:
    trainer = make_trainer(tiny_dataset, clip_norm=1e-3, batch_size=2)
    trainer.train_step(next(trainer.loader.training(trainer.train_rows, 0)))
    squares = sum(p.grad.square().sum() for p in trainer.network.parameters())
    assert float(squares) ** 0.5 == pytest.approx(1e-3, rel=1e-3)


def test_scales_are_what_is_trained_on(tmp_path: Path, tiny_dataset: Dataset) -> None:
    contigs = {
        name: (codes, coverage * np.array([1, 2, 0.5], np.float32))
        for name, (codes, coverage) in make_contigs().items()
    }
    plain = replace(tiny_dataset.targets, scale=(1.0, 1.0, 1.0))
    scaled = write_tiny(tmp_path / "d.h5", contigs, targets=plain)
    losses = [make_trainer(dataset).validate().loss for dataset in (tiny_dataset, scaled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_windows_of_one_bin_can_be_trained_on(tmp_path: Path) -> None:
    windows = make_all_windows()
    windows["end"] = windows["start"] + 5 * BIN
    assert WINDOW > 5 * BIN
    dataset = write_tiny(tmp_path / "d.h5", windows=windows)
    assert dataset.output_bins == 1
    assert run(tmp_path, dataset, epochs=1).model.exists()


@pytest.mark.parametrize("kind", ["gated", "pooled"])
def test_every_kind_of_network_learns(tmp_path: Path, tiny_dataset: Dataset, kind: str) -> None:
    settings = TrainSettings(clip_norm=1.0, batch_size=2, learning_rate=1e-2, seed=3)
    torch.manual_seed(1)
    network = Network(NETWORKS[kind], TARGETS, CROP)
    # In the table's units, in which it starts far from the mean.
    dataset = replace(tiny_dataset, targets=TARGETS)
    trainer = Trainer(network, dataset, settings, CPU)
    before = trainer.validate().loss
    for epoch in range(12):
        for batch in trainer.loader.training(trainer.train_rows, epoch):
            trainer.train_step(batch)
    assert trainer.validate().loss < 0.8 * before


def test_targets_predicted_alike_everywhere_are_found() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 40, 5))
    t = rng.poisson(np.exp(x)).astype(float)
    # One that hardly varies around any level, one whose coverage does not vary either, one unknown.
    x[..., 1] = 3 + 0.01 * x[..., 1]
    x[..., 2], t[..., 2] = 0.0, 1.0
    t[..., 3], t[0, :7, 4] = np.nan, np.nan
    # What is not known has no say, whatever is predicted for it.
    x[0, :7, 4] = 1e3
    pair = torch.tensor(x), torch.tensor(t)
    parts = [pair[0].split([1, 2, 3]), pair[1].split([1, 2, 3])]
    total = start_sums(5, torch.device("cpu"))
    for part in zip(*parts, strict=True):
        total += sum_batch(*part)
    found = read_sums(total)
    assert found.constant == (1,)
    known = ~torch.isnan(pair[1])
    assert found.loss == pytest.approx(mean_loss(pair[0][known], pair[1][known]).item())


def test_a_training_that_collapses_says_so(tmp_path: Path, tiny_dataset: Dataset, caplog) -> None:
    # Each step halves the weights.
    flat = run(tmp_path / "flat", tiny_dataset, learning_rate=1e-3, weight_decay=500)
    names = tiny_dataset.targets.identifier
    assert read_card(flat.model).training.constant_targets == names
    assert f"not learned: {', '.join(names)}; nearly the same is predicted" in caplog.text
    caplog.clear()
    learned = run(tmp_path / "learned", tiny_dataset, learning_rate=1e-2, epochs=8)
    assert read_card(learned.model).training.constant_targets == ()
    assert "not learned" not in caplog.text
