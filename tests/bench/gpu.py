"""Rows of a GPU: training with all that belongs to it, beside the plain network on its windows."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from bench.measuring import Row, compare, interleave, skip
from bench.networks import BINS, LENGTH, TARGETS, Setting

from seqcast.data import Contigs, Dataset, DatasetWriter, make_windows, read_dataset
from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.nn.device import choose_device
from seqcast.settings import PRESETS, TrainSettings, read_network
from seqcast.training.loop import Trainer

WINDOWS, STEPS = 1024, 16
# What a step of `course` moves a window in bfloat16; see docs/performance.md.
_BYTES_A_WINDOW = 130e6
SOURCE = {"kind": "bench", "has_coordinates": False}


def measure_gpu(folder: Path, rounds: int, batches: tuple[int, ...] = (8, 16, 32, 64)) -> list[Row]:
    """Return the rows of training, windows drawn and cut, losses read as in a real training."""
    if not torch.cuda.is_available():
        return [skip("train, GPU", "torch sees no GPU")]
    dataset = make_dataset(folder / "gpu.h5")
    rows = [_measure_course(dataset, windows, rounds) for windows in batches]
    return [*rows, _measure("default", dataset, 8, rounds)]


def make_dataset(path: Path) -> Dataset:
    """Write a dataset of the course's geometry and open it."""
    contigs = Contigs.from_lengths({f"w{k}": LENGTH for k in range(WINDOWS + 16)}, LENGTH // BINS)
    rng, names = np.random.default_rng(1), [str(place) for place in range(TARGETS)]
    targets = Targets.from_names(names)
    with DatasetWriter(path, contigs=contigs, targets=targets, bin_size=LENGTH // BINS) as writer:
        for _ in range(len(contigs)):
            codes = rng.integers(0, 4, LENGTH, dtype=np.uint8)
            writer.add_contig(codes, rng.poisson(2, (BINS, TARGETS)).astype(np.float32))
        splits = ["train"] * WINDOWS + ["valid"] * 8 + ["test"] * 8
        rows = [make_windows([k], [0], LENGTH, split) for k, split in enumerate(splits)]
        writer.finish(np.concatenate(rows), SOURCE)
    return read_dataset(path)


def make_steps(preset: str, dataset: Dataset, windows: int) -> Callable[[], None]:
    """Return what takes some steps of a training, from drawing windows to reading losses."""
    changes = {**PRESETS[preset]["train"], "batch_size": windows, "device": "cuda"}
    network = Network(read_network(PRESETS[preset]["network"]), dataset.targets)
    settings = TrainSettings.model_validate(changes)
    trainer = Trainer(network, dataset, settings, choose_device("cuda"))

    def run() -> None:
        """Take the steps, and wait for the last."""
        batches = trainer.loader.training(trainer.train_rows, 0)
        for batch in islice(batches, STEPS):
            trainer.set_learning_rate(1e-3)
            trainer.train_step(batch)
            trainer.read_losses(now=False)
        trainer.read_losses()

    return run


def find_memory_rate(device: str, numbers: int = 1 << 28, rounds: int = 5) -> float:
    """Return how many bytes a second a copy within a device's memory reads and writes."""
    source = torch.ones(numbers, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        """Copy all, and wait for it."""
        target.copy_(source)
        target[-1].item()

    return 2 * source.nbytes / min(interleave({"copy": copy}, rounds)["copy"])


def _measure_course(dataset: Dataset, windows: int, rounds: int) -> Row:
    setting = Setting(windows)
    for name in ("coverage", "noise", "one_hot"):
        setattr(setting, name, getattr(setting, name).cuda())
    setting.plain.cuda()

    def plain(context: Callable[[], AbstractContextManager]) -> Callable[[], None]:
        """Return what takes as many steps of the plain network, each of which reads its loss."""

        def run() -> None:
            """Take the steps."""
            for _ in range(STEPS):
                setting.train_plain(context)

        return run

    return _measure(
        "course",
        dataset,
        windows,
        rounds,
        {
            "plain bfloat16": plain(lambda: torch.autocast("cuda", torch.bfloat16)),
            "plain float32": plain(nullcontext),
        },
    )


def _measure(
    preset: str,
    dataset: Dataset,
    windows: int,
    rounds: int,
    others: dict[str, Callable[[], None]] | None = None,
) -> Row:
    functions = {"ours": make_steps(preset, dataset, windows), **(others or {})}
    seconds = interleave(functions, rounds)
    beside = {f"times {name}:": compare(seconds, "ours", name) for name in others or {}}
    rates = [windows * STEPS / each for each in seconds["ours"]]
    if preset == "course":
        most = find_memory_rate("cuda") / _BYTES_A_WINDOW
        beside = {"% of the memory's rate:": 100 * statistics.median(rates) / most, **beside}
    wanted = "4,000 windows/s" if preset == "course" else ""
    return Row(f"train {preset}, GPU, batch {windows}", "windows/s", rates, beside, wanted)
