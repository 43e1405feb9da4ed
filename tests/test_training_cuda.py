"""Training on a GPU: what a CPU comes to, in portions where memory ends, resumed."""

import csv
import signal
from pathlib import Path

import pytest
import torch
from attempts import SECONDS, Attempt, make_long_task, start_torchrun
from safetensors.torch import load_file
from test_large_data import write_large
from tiny import make_contigs, write_tiny

from seqcast.core.errors import SeqcastError, Stopped
from seqcast.data import Dataset
from seqcast.nn import Network
from seqcast.nn.checkpoint import read_card
from seqcast.nn.device import Device, choose_device
from seqcast.settings import TrainSettings
from seqcast.training import Task, gpu, train
from seqcast.training.loop import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")


def make_gpu_task(folder: Path, dataset: Dataset, **changes) -> Task:
    values = {"device": "cuda", "snapshots": "best", "checkpoint_minutes": 10, **changes}
    return make_long_task(folder, dataset, **values)


def read_losses(task: Task) -> list[float]:
    with open(task.history, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [float(row["train_loss"]) for row in rows] + [
        float(row["valid_loss"]) for row in rows if row["valid_loss"]
    ]


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset):
    """Return a function that gives what a CPU comes to."""

    def get(**changes) -> list[float]:
        task = make_gpu_task(
            tmp_path_factory.mktemp("cpu"), tiny_dataset, **{**changes, "device": "cpu"}
        )
        train(task)
        return read_losses(task)

    return get


@pytest.mark.parametrize("reverse_complement", [False, True])
@pytest.mark.parametrize("kind", ["gated", "pooled"])
def test_a_gpu_comes_to_what_a_cpu_comes_to(
    tmp_path: Path, tiny_dataset: Dataset, on_cpu, kind: str, reverse_complement: bool
) -> None:
    changes = {"kind": kind, "epochs": 4, "reverse_complement": reverse_complement}
    task = make_gpu_task(tmp_path, tiny_dataset, **changes)
    train(task)
    assert read_losses(task) == pytest.approx(on_cpu(**changes), rel=2e-3)
    assert read_card(task.model).training.device == "cuda"


def test_a_killed_training_goes_on(tmp_path: Path, tiny_dataset: Dataset, on_cpu) -> None:
    task = make_gpu_task(tmp_path, tiny_dataset, checkpoint_minutes=1e-4, epochs=30)
    for what in (signal.SIGKILL, signal.SIGTERM):
        attempt = Attempt(task)
        attempt.wait_for((task.checkpoints / "state.safetensors").exists)
        attempt.wait_for_words("epoch ")
        attempt.send(what)
        code, said = attempt.end(60)
        assert code in (-signal.SIGKILL, Stopped.exit_code, 0), said
    _, said = Attempt(task).end()
    assert "resumed" in said
    losses = read_losses(task)
    wanted = on_cpu(epochs=30)
    assert losses[:20] == pytest.approx(wanted[:20], rel=1e-2)
    assert len(losses) == len(wanted)


def test_portions_are_found_where_memory_ends(
    tmp_path: Path, tiny_dataset: Dataset, on_cpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = gpu.fits

    def refuse(network: Network, device: Device, window: int, size: int) -> bool:
        """Take more memory than there is, as a batch would."""
        try:
            if size > 1:
                torch.empty(1 << 45, device="cuda")
        except torch.cuda.OutOfMemoryError:
            return False
        return fits(network, device, window, size)

    monkeypatch.setattr(gpu, "fits", refuse)
    task = make_gpu_task(tmp_path, tiny_dataset, epochs=3)
    train(task)
    assert read_losses(task) == pytest.approx(on_cpu(epochs=3), rel=2e-3)


def test_a_batch_that_does_not_fit_is_noticed(tmp_path: Path, tiny_dataset: Dataset) -> None:
    dataset = write_large(tmp_path / "d.h5", 8)
    dataset.windows["end"] = dataset.windows["start"] + 4_000_000 // 256 * 256
    task = make_gpu_task(tmp_path, tiny_dataset, batch_size=512)
    network = Network(task.network, dataset.targets, dataset.crop)
    settings = TrainSettings(batch_size=512)
    # Windows of 4 million bases: 512 of them take more than any GPU has.
    torch.cuda.set_per_process_memory_fraction(0.05)
    try:
        trainer = Trainer(network, dataset, settings, choose_device("cuda", "float32"))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert 1 <= trainer.micro_batch < 512


def test_a_loss_that_is_not_finite_is_noticed_soon(tmp_path: Path, tiny_dataset: Dataset) -> None:
    contigs = make_contigs()
    contigs["chr1"][1][30, 1] = float("inf")
    dataset = write_tiny(tmp_path / "d.h5", contigs)
    with pytest.raises(SeqcastError, match=r"not finite at step [1-4];"):
        train(make_gpu_task(tmp_path, dataset))


def test_processes_of_torchrun_use_nccl(tmp_path: Path, tiny_dataset: Dataset, on_cpu) -> None:
    # One process a GPU: where there is one GPU, this is a world of one.
    count = torch.cuda.device_count()
    task = make_gpu_task(tmp_path, tiny_dataset, epochs=3, kind="pooled", processes=count)
    (agent,) = start_torchrun(task, f"--nproc-per-node={count}")
    said = agent.communicate(timeout=SECONDS)[1]
    assert agent.returncode == 0, said
    assert read_losses(task) == pytest.approx(on_cpu(epochs=3, kind="pooled"), rel=2e-3)
    assert set(load_file(task.model))
