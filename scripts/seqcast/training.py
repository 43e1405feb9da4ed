"""Train a network: the loop, its schedule, its history."""

import csv
import math
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcast.checkpoint import write_model
from seqcast.console import format_seconds, log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.device import Device, choose_device, set_threads
from seqcast.errors import SeqcastError
from seqcast.genome import reverse_complement
from seqcast.loss import poisson_loss, poisson_loss_sums
from seqcast.model import Network
from seqcast.sampling import Batch, make_dropout_seed, plain_batches, training_batches
from seqcast.settings import ModelSettings, TrainSettings

ROWS_AN_EPOCH = 5
# The first steps are slow, and would frighten.
_WARM_STEPS, _FORECAST_STEPS = 5, 25


@dataclass
class History:
    """The learning history: a row five times an epoch, written as it grows."""

    path: Path
    start: float = field(default_factory=time.monotonic)
    columns = ("epoch", "step", "train_loss", "valid_loss", "learning_rate", "seconds")

    def __post_init__(self) -> None:
        self._write(self.columns, "w")

    def add(
        self, epoch: float, step: int, train: float, valid: float | None, learning_rate: float
    ) -> None:
        """Add a row; `valid` is None but at the end of an epoch."""
        seconds = f"{time.monotonic() - self.start:.2f}"
        shown = "" if valid is None else f"{valid:.6f}"
        row = (f"{epoch:.3f}", step, f"{train:.6f}", shown, f"{learning_rate:.6g}", seconds)
        self._write(row, "a")

    def _write(self, row: tuple, mode: str) -> None:
        with open(self.path, mode, newline="") as file:
            csv.writer(file, delimiter="\t", lineterminator="\n").writerow(row)


def learning_rate_at(settings: TrainSettings, epoch: int, done: float = 0.0) -> float:
    """Return the learning rate in an epoch, counted from 0, a part of which is done.

    The chapter's CosineScheduler changes it with every epoch; `schedule: step` draws the same
    curve without steps.
    """
    rate, warmup = settings.learning_rate, settings.warmup_epochs
    by_step = settings.schedule == "step"
    place = epoch + done if by_step else epoch
    if place < warmup:
        return rate * place / warmup if by_step else rate / (warmup + 1) * (place + 1)
    return 0.5 * rate * (1 + math.cos(math.pi * (place - warmup) / (settings.epochs - warmup)))


class Trainer:
    """One training: network, optimiser, data."""

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        settings: TrainSettings,
        device: Device,
    ) -> None:
        self.network = network.to(device.device)
        self.dataset, self.settings, self.device = dataset, settings, device
        self.train_rows, self.valid_rows = dataset.rows_of("train"), dataset.rows_of("valid")
        parameters = list(self.network.parameters())
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [each for each in parameters if each.ndim > 1]},
                # Biases and normalisations are not what overfits.
                {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0},
            ],
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            eps=1e-8,
            weight_decay=settings.weight_decay,
        )
        self.steps_an_epoch = -(-len(self.train_rows) // settings.batch_size)
        self.step = 0

    def train_step(self, batch: Batch, epoch: int) -> float:
        """Take one step and return its loss."""
        torch.manual_seed(make_dropout_seed(self.settings.seed, epoch, self.step))
        codes, coverage = self._to_device(batch)
        self.network.train()
        with self.device.autocast():
            log_rate = self.network(codes)
        loss = poisson_loss(log_rate, coverage)
        value = loss.item()
        self.step += 1
        if not math.isfinite(value):
            raise SeqcastError(self._explain_loss(log_rate, coverage))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return value

    def train_epoch(self, epoch: int, history: History, bar) -> float:
        """Go once through the training windows; return the validation loss after it."""
        marks = {round(self.steps_an_epoch * k / ROWS_AN_EPOCH) for k in range(1, ROWS_AN_EPOCH)}
        losses: list[float] = []
        batches = training_batches(self.dataset, self.train_rows, self.settings, epoch)
        for done, batch in enumerate(batches, start=1):
            rate = learning_rate_at(self.settings, epoch, (done - 0.5) / self.steps_an_epoch)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            losses.append(self.train_step(batch, epoch))
            bar.update(len(batch.rows))
            bar.set_postfix(epoch=epoch + 1, loss=f"{losses[-1]:.4f}", refresh=False)
            if done in marks - {self.steps_an_epoch}:
                fraction = epoch + done / self.steps_an_epoch
                history.add(fraction, self.step, float(np.mean(losses)), None, rate)
                losses.clear()
            self._forecast(bar)
        valid = self.validate()
        history.add(epoch + 1, self.step, float(np.mean(losses)), valid, rate)
        return valid

    @torch.inference_mode()
    def validate(self) -> float:
        """Return the mean loss over all known values of the validation windows.

        A model of both strands is judged as it predicts: by the mean of their rates.
        """
        self.network.eval()
        total, count = 0.0, 0
        for batch in plain_batches(
            self.dataset, self.valid_rows, batch_size=self.settings.batch_size
        ):
            codes, coverage = self._to_device(batch)
            with self.device.autocast():
                log_rate = self.network(codes)
                if self.settings.reverse_complement:
                    other = torch.from_numpy(reverse_complement(batch.codes))
                    log_other = self.network(other.to(self.device.device)).flip(1)
                    log_other = log_other[..., list(self.dataset.targets.strand_pair)]
                    log_rate = torch.logaddexp(log_rate, log_other) - math.log(2)
            loss, known = poisson_loss_sums(log_rate, coverage)
            total, count = total + loss.item(), count + int(known)
        return total / max(count, 1)

    def _to_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(batch.codes).to(self.device.device),
            torch.from_numpy(batch.coverage).to(self.device.device),
        )

    def _explain_loss(self, log_rate: Tensor, coverage: Tensor) -> str:
        """Name the first target whose loss is not finite, and what is wrong with it."""
        bad = [
            index
            for index in range(log_rate.shape[-1])
            if not poisson_loss_sums(log_rate[..., index], coverage[..., index])[0].isfinite()
        ]
        # Each target's loss may be finite and only their sum not; then the largest is to blame.
        index = bad[0] if bad else int(torch.nan_to_num(coverage).amax((0, 1)).argmax())
        largest = float(torch.nan_to_num(coverage[..., index]).max())
        return (
            f"the loss is not finite at step {self.step}, first in target"
            f" {self.network.targets.identifier[index]!r} (largest coverage in the batch"
            f" {largest:,.6g}); set dataset.scale: mean, or lower train.learning_rate"
        )

    def _forecast(self, bar) -> None:
        """Say how long it will all take, before anybody waits for six days in vain."""
        if self.step == _WARM_STEPS:
            self._warm = (bar.n, time.monotonic())
        if self.step == _FORECAST_STEPS and self.device.device.type == "cpu":
            windows, start = self._warm
            rate = (bar.n - windows) / (time.monotonic() - start)
            left = format_seconds((bar.total - bar.n) / rate)
            log.info("training on the CPU at %.1f windows/s: about %s to go", rate, left)


def train(
    model_settings: ModelSettings,
    settings: TrainSettings,
    dataset_path: Path,
    model_path: Path,
    history_path: Path,
    *,
    fold: int = 0,
    snapshots: Path | None = None,
    name: str = "model",
    threads: int | None = None,
    gpus: int | None = None,
) -> None:
    """Train a network on a dataset and write the best epoch's weights and the history.

    `snapshots` is the folder of each epoch's weights where the settings ask for them. `threads`
    and `gpus` are what the scheduler granted.
    """
    device = choose_device(settings.device, settings.precision, gpus=gpus)
    log.info("training on %s", device.reason)
    threads = set_threads(settings.threads, threads)
    dataset = read_dataset(dataset_path, fold)
    torch.manual_seed(settings.seed)
    network = Network(model_settings, dataset.targets, dataset.crop)
    trainer = Trainer(network, dataset, settings, device)
    _describe(trainer, threads)
    history, best = History(history_path), math.inf
    seen = settings.epochs * len(trainer.train_rows)
    keep_snapshots = snapshots is not None and settings.snapshots == "every"
    if snapshots is not None:
        # Those of an earlier training would be taken for this one's.
        shutil.rmtree(snapshots, ignore_errors=True)
    if keep_snapshots:
        snapshots.mkdir(parents=True)
    with progress(seen, f"train {name}", "windows") as bar:
        for epoch in range(settings.epochs):
            valid = trainer.train_epoch(epoch, history, bar)
            log.info("epoch %d of %d: validation loss %.4f", epoch + 1, settings.epochs, valid)
            facts = _collect_facts(trainer, epoch, valid, threads)
            if keep_snapshots:
                path = snapshots / f"model_epoch_{epoch + 1}.safetensors"
                write_model(path, network, facts)
            # A loss that is not a number is worse than any.
            if epoch == 0 or valid < best or math.isnan(best):
                best = valid
                write_model(model_path, network, facts)
    log.info(
        "trained on %s windows in %s (%.1f windows/s)",
        f"{seen:,}",
        format_seconds(time.monotonic() - history.start),
        seen / (time.monotonic() - history.start),
    )


def _collect_facts(trainer: Trainer, epoch: int, valid: float, threads: int) -> dict[str, Any]:
    """Return what a model file says of its training."""
    return {
        "epoch": epoch + 1,
        "valid_loss": valid,
        "settings": trainer.settings.model_dump(),
        "device": str(trainer.device.device),
        "precision": trainer.device.precision,
        "threads": threads,
        "parameters": trainer.network.parameter_count,
        "receptive_field": trainer.network.settings.receptive_field,
        "window": trainer.dataset.window,
        "dataset_digest": trainer.dataset.digest,
        "torch": torch.__version__,
    }


def _describe(trainer: Trainer, threads: int) -> None:
    dataset, network = trainer.dataset, trainer.network
    unpaired = dataset.targets.strand_pair == tuple(range(len(dataset.targets)))
    if trainer.settings.reverse_complement and unpaired and not dataset.has_coordinates:
        log.warning(
            "reverse complements are trained on as if no target had a strand; if any has, set"
            " dataset.strand_pair, or train.reverse_complement: false"
        )
    log.info(
        "%s parameters, receptive field %s bp (%d bins of %d bp), %d threads",
        f"{network.parameter_count:,}",
        f"{network.settings.receptive_field:,}",
        network.settings.receptive_field // dataset.bin_size,
        dataset.bin_size,
        threads,
    )
    log.info(
        "%d training and %d validation windows of %s bp, %d targets",
        len(trainer.train_rows),
        len(trainer.valid_rows),
        f"{dataset.window:,}",
        len(dataset.targets),
    )
