"""The course of a training: epoch after epoch, saved on the way, taken up again."""

import math
import shutil
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seqcast.checkpoint import write_model
from seqcast.console import format_seconds, log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.device import choose_device, set_threads
from seqcast.errors import Stopped
from seqcast.memory import keep_memory
from seqcast.nn import Network
from seqcast.training.describing import Forecast, describe, describe_resumption
from seqcast.training.history import History, find_marks
from seqcast.training.lock import locked
from seqcast.training.schedule import learning_rate_at
from seqcast.training.state import (
    Place,
    State,
    collect_tensors,
    make_key,
    put_back,
    read_state,
    write_state,
)
from seqcast.training.stopping import Stopping
from seqcast.training.task import Task
from seqcast.training.trainer import Trainer
from seqcast.training.world import ALONE, World

_NOT_SAVED = "it could not be saved; the same command goes on from the save before, if any"


def run(task: Task, world: World = ALONE) -> None:
    """Train, from the start or from where an earlier attempt left; write model and history.

    Raises `Stopped` where it has to leave before the end: it is saved then.
    """
    with Stopping(task.training.time_limit) as stopping:
        if not world.is_first:
            _Run(task, world, stopping).go()
            return
        with locked(task.checkpoints):
            _Run(task, world, stopping).go()
            shutil.rmtree(task.checkpoints)


class _Run:
    """One attempt at a training."""

    def __init__(self, task: Task, world: World, stopping: Stopping) -> None:
        self.task, self.world, self.stopping = task, world, stopping
        settings = task.training
        self.device = choose_device(settings.device, settings.precision, gpus=task.gpus)
        log.info("training on %s", self.device.reason)
        dataset = read_dataset(task.dataset, task.fold)
        if settings.units == "table":
            dataset = replace(dataset, targets=replace(dataset.targets, training_unit=()))
        self.key = _make_key(task, dataset)
        state = read_state(task.checkpoints, self.key)
        # All have read before the first one writes.
        world.wait()
        self.place = state.place if state else Place()
        # Other processes have other parts of a batch, and other last digits anyway.
        kept = self.place.threads if state and self.place.processes == world.size else None
        granted = world.divide(task.threads)
        self.place.threads = set_threads(settings.threads, granted, kept)
        keep_memory()
        torch.manual_seed(settings.seed)
        network = Network(task.network, dataset.targets, dataset.crop)
        self.trainer = Trainer(network, dataset, settings, self.device, world)
        self.best: dict[str, Tensor] = {}
        if state:
            self.best = put_back(state.tensors, network, self.trainer.optimizer)
            self.trainer.step = self.place.step
        describe(self.trainer, self.place.threads)
        if state:
            describe_resumption(self.trainer, self.place)
        self.place.precision, self.place.processes = self.device.precision, world.size
        self.history = History(self.place.rows)
        self.start = self.saved = time.monotonic()
        self.before = self.place.seconds
        self._clear_snapshots()

    def go(self) -> None:
        """Go through the epochs that are left, and write what came out."""
        trainer, place, settings = self.trainer, self.place, self.task.training
        windows = len(trainer.train_rows)
        seen = place.epoch * windows + min(place.done * settings.batch_size, windows)
        left = settings.epochs * windows - seen
        with progress(
            settings.epochs * windows, f"train {self.task.name}", "windows", seen
        ) as self.bar:
            self.forecast = Forecast(self.bar, self.device)
            while place.epoch < settings.epochs:
                self._train_epoch()
                # Between batches of the validation there may be reason to stop.
                self._end_epoch(trainer.validate(self._stop_if_asked))
        if self.world.is_first:
            self._write()
        self.world.wait()
        seconds = time.monotonic() - self.start
        log.info(
            "trained on %s windows in %s (%.1f windows/s)",
            f"{left:,}",
            format_seconds(seconds),
            left / seconds,
        )

    def _train_epoch(self) -> None:
        """Take the steps of an epoch that are left."""
        trainer, place, settings = self.trainer, self.place, self.task.training
        steps = trainer.steps_an_epoch
        marks = find_marks(steps)
        for batch in trainer.feed.training(trainer.train_rows, place.epoch, place.done):
            rate = learning_rate_at(settings, place.epoch, (place.done + 0.5) / steps)
            trainer.set_learning_rate(rate)
            trainer.train_step(batch)
            place.done += 1
            place.losses += trainer.read_losses(now=place.done in marks or place.done == steps)
            self.bar.update(batch.size)
            if place.losses:
                self.bar.set_postfix(
                    epoch=place.epoch + 1, loss=f"{place.losses[-1]:.4f}", refresh=False
                )
            if place.done in marks:
                self._add_row(place.epoch + place.done / steps, None)
            self.forecast.look()
            self._save_in_time()

    def _end_epoch(self, valid: float) -> None:
        """Note what an epoch came to, and save."""
        place, settings = self.place, self.task.training
        epoch = place.epoch + 1
        self._add_row(epoch, valid)
        log.info("epoch %d of %d: validation loss %.4f", epoch, settings.epochs, valid)
        facts = self._collect_facts(epoch, valid)
        if settings.snapshots == "every" and self.task.snapshots and self.world.is_first:
            path = self.task.snapshots / f"model_epoch_{epoch}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_model(path, self.trainer.network, facts)
        # A loss that is not a number is worse than any.
        if place.best is None or valid < place.best or math.isnan(place.best):
            place.best, place.best_facts = valid, facts
            state = self.trainer.network.state_dict()
            self.best = {name: value.detach().clone() for name, value in state.items()}
        place.epoch, place.done = epoch, 0
        self._stop_if_asked(is_saved=self._save())

    def _add_row(self, epoch: float, valid: float | None) -> None:
        place, trainer = self.place, self.trainer
        done = (place.done - 0.5) / trainer.steps_an_epoch
        rate = learning_rate_at(self.task.training, place.epoch, done)
        train = sum(place.losses) / len(place.losses)
        self.history.add(epoch, trainer.step, train, valid, rate, self._count_seconds())
        place.losses = []
        if self.world.is_first:
            self.history.write(self.task.checkpoints / "history.tsv")

    def _save_in_time(self) -> None:
        if time.monotonic() - self.saved >= 60 * self.task.training.checkpoint_minutes:
            self.place.losses += self.trainer.read_losses()
            self._save()
        self._stop_if_asked()

    def _stop_if_asked(self, *, is_saved: bool = False) -> None:
        reason = self.stopping.reason()
        if not self.world.is_any(bool(reason)):
            return
        self.place.losses += self.trainer.read_losses()
        # Only the first process saves; the others wait for it, and say what it says.
        is_saved = not self.world.is_any(not (is_saved or self._save()))
        place, epochs = self.place, self.task.training.epochs
        raise Stopped(
            f"stopped ({reason or 'another process had to'}) in epoch"
            f" {min(place.epoch + 1, epochs)} of {epochs}, after step {place.done} of"
            f" {self.trainer.steps_an_epoch}: "
            + ("saved, and the same command goes on from there" if is_saved else _NOT_SAVED)
        )

    def _save(self) -> bool:
        """Save all that it takes to go on, and say whether it is; a failure loses only time."""
        self.saved = time.monotonic()
        if not self.world.is_first:
            return True
        place = self.place
        place.step, place.seconds = self.trainer.step, self._count_seconds()
        tensors = collect_tensors(self.trainer.network, self.trainer.optimizer, self.best)
        try:
            write_state(self.task.checkpoints, self.key, State(place, tensors))
        except OSError as error:
            log.warning(
                "%s: could not be saved (%s); the training goes on, and what was saved before is"
                " still there",
                self.task.checkpoints,
                error.strerror,
            )
            return False
        return True

    def _write(self) -> None:
        """Write the model of the best epoch and the history under their names."""
        self.trainer.network.load_state_dict(self.best)
        write_model(self.task.model, self.trainer.network, self.place.best_facts)
        self.history.write(self.task.history)

    def _count_seconds(self) -> float:
        return self.before + time.monotonic() - self.start

    def _clear_snapshots(self) -> None:
        """Remove snapshots that this training has not made: they would be taken for its own."""
        folder = self.task.snapshots
        if self.world.is_first and folder and self.place.epoch == 0:
            shutil.rmtree(folder, ignore_errors=True)

    def _collect_facts(self, epoch: int, valid: float) -> dict[str, Any]:
        """Return what a model file says of its training."""
        trainer = self.trainer
        return {
            "epoch": epoch,
            "valid_loss": valid,
            "settings": self.task.training.model_dump(exclude=self.task.training.CIRCUMSTANCES),
            "device": self.device.device.type,
            "precision": self.device.precision,
            "threads": self.place.threads,
            "processes": self.world.size,
            "parameters": trainer.network.parameter_count,
            "receptive_field": trainer.network.settings.receptive_field,
            "window": trainer.dataset.window,
            "dataset_digest": trainer.dataset.digest,
            "fold": trainer.dataset.fold,
            "torch": torch.__version__,
        }


def _make_key(task: Task, dataset: Dataset) -> dict[str, str]:
    """Return the digests of what the weights follow from."""
    training = task.training.model_dump(mode="json", exclude=task.training.CIRCUMSTANCES)
    return make_key(
        network=task.network.model_dump(mode="json"),
        training=training,
        data=[dataset.digest, task.fold],
        code=task.code,
    )
