"""The course of a training from top to bottom: set up, step, validate, record, save, leave.

A training is one of possibly several processes that share each batch (`process_group`), on a CPU or
a GPU; what only some of them need is behind names of other files. Interrupted anywhere, it goes on
to the same bits: all that is drawn is a function of seed, epoch and window (`sampling`), and all
else is saved (`resume`).

B windows, L bases, N bins, T targets.
"""

import contextlib
import math
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from seqcast.core.console import format_seconds, log
from seqcast.core.console import progress as progress_bar
from seqcast.core.errors import SeqcastError, Stopped
from seqcast.core.memory import keep_memory
from seqcast.data import Dataset, read_dataset
from seqcast.data.card import explain_constant
from seqcast.data.sampling import count_windows
from seqcast.genome.codes import complement
from seqcast.nn import Network, share_statistics
from seqcast.nn.checkpoint import write_model
from seqcast.nn.device import Device, choose_device, set_threads
from seqcast.nn.loss import loss_sums
from seqcast.settings import TrainSettings, tracked
from seqcast.training.gpu import CudaGraph, find_micro_batch, measuring_memory, remember
from seqcast.training.loader import Batch, Loader, flip_coverage
from seqcast.training.process_group import SINGLE, ProcessGroup
from seqcast.training.record import (
    Forecast,
    History,
    describe,
    describe_resumption,
    explain_loss,
    list_row_steps,
)
from seqcast.training.resume import (
    Interrupts,
    Progress,
    State,
    collect_tensors,
    locked,
    make_key,
    put_back,
    read_state,
    write_state,
)
from seqcast.training.task import Task
from seqcast.training.validation import Validation, read_sums, start_sums, sum_batch

# Reading a loss waits for the GPU, so there it is read at every n-th step only.
_STEPS_UNREAD = 16
_NOT_SAVED = "it could not be saved; the same command goes on from the save before, if any"


def run(task: Task, group: ProcessGroup = SINGLE) -> None:
    """Train, from the start or from where an earlier attempt left; write model and history.

    Raises `Stopped` where it has to leave before the end: it is saved then.
    """
    with Interrupts(task.training.time_limit) as interrupts:
        if not group.is_first:
            Training(task, group, interrupts).run()
            return
        with locked(task.checkpoints):
            Training(task, group, interrupts).run()
            shutil.rmtree(task.checkpoints)


class Training:
    """One attempt at a training."""

    def __init__(self, task: Task, group: ProcessGroup, interrupts: Interrupts) -> None:
        self.task, self.settings = task, task.training
        self.group, self.interrupts = group, interrupts
        settings = task.training
        device = choose_device(settings.device, settings.precision, gpus=task.gpus)
        log.info("training on %s", device.reason)
        dataset = read_dataset(task.dataset, task.fold)
        if settings.units == "table":
            dataset = replace(dataset, targets=replace(dataset.targets, training_unit=()))

        self.key = _make_key(task, dataset)
        state = read_state(task.checkpoints, self.key)
        # All have read before the first one writes.
        group.barrier()
        self.progress = state.progress if state else Progress()
        # Another number of threads would add up in another order. Of other processes each has
        # another part of a batch, and so other last digits anyway.
        before = self.progress.threads if state and self.progress.processes == group.size else None
        self.progress.threads = set_threads(settings.threads, group.divide(task.threads), before)
        keep_memory()

        torch.manual_seed(settings.seed)
        network = Network(task.network, dataset.targets, dataset.crop)
        self.trainer = Trainer(network, dataset, settings, device, group)
        self.best: dict[str, Tensor] = {}
        if state:
            self.best = put_back(state.tensors, network, self.trainer.optimizer)
            self.trainer.steps = self.progress.step
        describe(
            network,
            self.trainer.loader,
            group,
            threads=self.progress.threads,
            micro_batch=self.trainer.micro_batch,
        )
        if state:
            describe_resumption(
                self.progress,
                settings,
                self.trainer.steps_an_epoch,
                precision=device.precision,
                processes=group.size,
            )
        self.progress.precision, self.progress.processes = device.precision, group.size
        self.history = History(self.progress.rows)
        self.start = self.saved = time.monotonic()
        self.seconds_before = self.progress.seconds
        if group.is_first and task.snapshots and self.progress.epoch == 0:
            # Snapshots of another training would be taken for this one's.
            shutil.rmtree(task.snapshots, ignore_errors=True)

    def run(self) -> None:
        """Go through the epochs that are left, and write what came out."""
        windows = self.trainer.windows_an_epoch
        whole = self.settings.epochs * windows
        done = self.progress.epoch * windows
        done += min(self.progress.done * self.settings.batch_size, windows)
        with progress_bar(whole, f"train {self.task.name}", "windows", done) as self.bar:
            self.forecast = Forecast(self.bar, self.trainer.device)
            while self.progress.epoch < self.settings.epochs:
                self.train_epoch()
                # Between batches of the validation there may be reason to stop.
                self.end_epoch(self.trainer.validate(self.stop_if_asked))
        if self.group.is_first:
            self.trainer.network.load_state_dict(self.best)
            facts = self.progress.best_facts
            if facts["constant_targets"]:
                log.warning("%s", explain_constant(facts["constant_targets"]))
            write_model(self.task.model, self.trainer.network, facts)
            self.history.write(self.task.history)
        self.group.barrier()
        seconds = time.monotonic() - self.start
        log.info(
            "trained on %s windows in %s (%.1f windows/s)",
            f"{whole - done:,}",
            format_seconds(seconds),
            (whole - done) / seconds,
        )

    def train_epoch(self) -> None:
        """Take the steps of an epoch that are left."""
        trainer, progress = self.trainer, self.progress
        steps = trainer.steps_an_epoch
        marks = list_row_steps(steps)
        for batch in trainer.loader.training(trainer.train_rows, progress.epoch, progress.done):
            half_way = (progress.done + 0.5) / steps
            trainer.set_learning_rate(learning_rate_at(self.settings, progress.epoch, half_way))
            trainer.train_step(batch)
            progress.done += 1
            is_read_now = progress.done in marks or progress.done == steps
            progress.losses += trainer.read_losses(now=is_read_now)

            self.bar.update(batch.size)
            if progress.losses:
                loss = f"{progress.losses[-1]:.4f}"
                self.bar.set_postfix(epoch=progress.epoch + 1, loss=loss, refresh=False)
            if progress.done in marks:
                self.add_row(progress.epoch + progress.done / steps, None)
            self.forecast.look()
            if time.monotonic() - self.saved >= 60 * self.settings.checkpoint_minutes:
                progress.losses += trainer.read_losses()
                self.save()
            self.stop_if_asked()

    def end_epoch(self, validation: Validation) -> None:
        """Note what an epoch came to, keep its weights if they are the best, and save."""
        progress, network = self.progress, self.trainer.network
        epoch, valid_loss = progress.epoch + 1, validation.loss
        self.add_row(epoch, valid_loss)
        log.info("epoch %d of %d: validation loss %.4f", epoch, self.settings.epochs, valid_loss)
        facts = self.collect_facts(epoch, validation)
        if self.settings.snapshots == "every" and self.task.snapshots and self.group.is_first:
            path = self.task.snapshots / f"model_epoch_{epoch}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_model(path, network, facts)
        # A loss that is not a number is worse than any.
        if progress.best is None or valid_loss < progress.best or math.isnan(progress.best):
            progress.best, progress.best_facts = valid_loss, facts
            self.best = {name: x.detach().clone() for name, x in network.state_dict().items()}
        progress.epoch, progress.done = epoch, 0
        self.stop_if_asked(is_saved=self.save())

    def add_row(self, epoch: float, valid_loss: float | None) -> None:
        """Add a row to the history, of the steps since the last."""
        progress = self.progress
        half_way = (progress.done - 0.5) / self.trainer.steps_an_epoch
        rate = learning_rate_at(self.settings, progress.epoch, half_way)
        loss = sum(progress.losses) / len(progress.losses)
        self.history.add(epoch, self.trainer.steps, loss, valid_loss, rate, self.count_seconds())
        progress.losses = []
        if self.group.is_first:
            self.history.write(self.task.checkpoints / "history.tsv")

    def save(self) -> bool:
        """Save all that it takes to go on, and say whether it is; a failure loses only time."""
        self.saved = time.monotonic()
        if not self.group.is_first:
            return True
        trainer = self.trainer
        self.progress.step, self.progress.seconds = trainer.steps, self.count_seconds()
        tensors = collect_tensors(trainer.network, trainer.optimizer, self.best)
        try:
            write_state(self.task.checkpoints, self.key, State(self.progress, tensors))
        except OSError as error:
            log.warning(
                "%s: could not be saved (%s); the training goes on, and what was saved before is"
                " still there",
                self.task.checkpoints,
                error.strerror,
            )
            return False
        return True

    def stop_if_asked(self, *, is_saved: bool = False) -> None:
        """Save and raise `Stopped` where any process has reason to leave."""
        reason = self.interrupts.reason()
        if not self.group.any(bool(reason)):
            return
        progress = self.progress
        progress.losses += self.trainer.read_losses()
        # Only the first process saves; the others wait for it, and say what it says.
        is_saved = not self.group.any(not (is_saved or self.save()))
        raise Stopped(
            f"stopped ({reason or 'another process had to'}) in epoch"
            f" {min(progress.epoch + 1, self.settings.epochs)} of {self.settings.epochs}, after"
            f" step {progress.done} of {self.trainer.steps_an_epoch}: "
            + ("saved, and the same command goes on from there" if is_saved else _NOT_SAVED)
        )

    def count_seconds(self) -> float:
        """Return how long this training has taken in all attempts."""
        return self.seconds_before + time.monotonic() - self.start

    def collect_facts(self, epoch: int, validation: Validation) -> dict[str, Any]:
        """Return what a model file says of its training."""
        network, dataset = self.trainer.network, self.trainer.loader.dataset
        names = dataset.targets.identifier
        return {
            "epoch": epoch,
            "valid_loss": validation.loss,
            "constant_targets": [names[index] for index in validation.constant],
            "settings": self.settings.model_dump(exclude=self.settings.UNTRACKED),
            "device": self.trainer.device.device.type,
            "precision": self.trainer.device.precision,
            "threads": self.progress.threads,
            "processes": self.group.size,
            "parameters": network.parameter_count,
            "receptive_field": network.settings.receptive_field,
            "window": dataset.window,
            "dataset_digest": dataset.digest,
            "fold": dataset.fold,
            "torch": torch.__version__,
        }


class Trainer:
    """Network, optimiser and windows of one training, or of this process's share of it.

    The loss of a batch is its sum over all known values divided by how many there are, whatever
    process or portion each window is in.
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        settings: TrainSettings,
        device: Device,
        group: ProcessGroup = SINGLE,
    ) -> None:
        self.network = network.to(device.device)
        self.settings = settings
        self.device = device
        self.group = group
        self.train_rows, self.valid_rows = dataset.rows_of("train"), dataset.rows_of("valid")
        self.windows_an_epoch = count_windows(self.train_rows, settings)
        self.steps_an_epoch = -(-self.windows_an_epoch // settings.batch_size)
        self.steps = 0
        self.optimizer = _make_optimizer(network, settings, device.device)
        self._pairs = torch.tensor(dataset.targets.strand_pair, device=device.device)
        self._unread: list[Tensor] = []

        self._share = group.share_of(settings.batch_size)
        micro_batch = settings.micro_batch or self._share
        with measuring_memory(device.device):
            self.loader = Loader(dataset, settings, group.share, device.device)
            if device.device.type == "cuda" and not settings.micro_batch:
                micro_batch = find_micro_batch(network, device, dataset.window, self._share)
        self.micro_batch = group.min(micro_batch)
        self._parallel = network
        if group.size > 1:
            share_statistics(network)
            self._parallel = _share_gradients(network)
        # What is sent to other processes, and portions, are not recorded.
        is_whole = group.size == 1 and self.micro_batch >= self._share
        self._is_recorded = self.loader.is_held and is_whole
        self._graphs: dict[str, CudaGraph] = {}

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        for parameters in self.optimizer.param_groups:
            if isinstance(parameters["lr"], Tensor):
                parameters["lr"].fill_(rate)
            else:
                parameters["lr"] = rate

    def train_step(self, batch: Batch) -> None:
        """Take one step; `read_losses` gives its loss."""
        self._parallel.train()
        if self._is_recorded and len(batch.table_BP) == self._share:
            if "step" not in self._graphs:
                undo = remember(self.network, self.optimizer)
                self._graphs["step"] = CudaGraph(self._step_of_table, batch.table_BP, undo)
            self._unread.append(self._graphs["step"](batch.table_BP))
        else:
            self._unread.append(self._step(batch))
        self.steps += 1

    def _step_of_table(self, table_BP: Tensor) -> Tensor:
        return self._step(Batch(table_BP, len(table_BP)))

    def _step(self, batch: Batch) -> Tensor:
        """Take one step with this process's share of a batch; return the loss of all of it."""
        codes_BL, coverage_BNT, noise_B = self.loader.cut(batch)
        known = self.group.sum((~torch.isnan(coverage_BNT)).sum()).clamp(min=1)
        total = torch.zeros((), device=codes_BL.device)
        self.optimizer.zero_grad(set_to_none=True)
        # Some processes may have a window less, or none, but the others wait for them.
        most = self.group.share_of(batch.size)
        for first in range(0, most, self.micro_batch):
            part = slice(first, first + self.micro_batch)
            is_last = part.stop >= most
            with self._gradients_are_shared(is_last):
                with self.device.autocast():
                    log_rate_BNT = self._parallel(codes_BL[part], noise_B[part])
                loss, _ = loss_sums(log_rate_BNT, coverage_BNT[part])
                # The gradients' mean over processes, which DDP makes, is to be their sum.
                (loss * self.group.size / known).backward()
            total += loss.detach()
        loss = self.group.sum(total) / known
        if self.device.device.type == "cpu" and not loss.isfinite():
            names = self.network.targets.identifier
            pair = log_rate_BNT.detach(), coverage_BNT[part]
            raise SeqcastError(explain_loss(self.steps + 1, self.settings, names, *pair))
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return loss

    def _gradients_are_shared(self, is_shared: bool) -> contextlib.AbstractContextManager:
        """Return the context in which gradients are sent to the other processes, or stay here."""
        if is_shared or self.group.size == 1:
            return contextlib.nullcontext()
        return self._parallel.no_sync()

    def read_losses(self, *, now: bool = True) -> list[float]:
        """Return the losses of the steps since they were last read, and check them.

        Unless it is to be `now`, a GPU is not waited for at each step.
        """
        is_gpu = self.device.device.type != "cpu"
        if not self._unread or (is_gpu and not now and len(self._unread) < _STEPS_UNREAD):
            return []
        losses = torch.stack(self._unread).tolist()
        self._unread.clear()
        for step, loss in enumerate(losses, start=self.steps - len(losses) + 1):
            if not math.isfinite(loss):
                raise SeqcastError(
                    explain_loss(step, self.settings, self.network.targets.identifier)
                )
        return losses

    def validate(self, after_batch: Callable[[], None] = lambda: None) -> Validation:
        """Return what the network comes to on the validation windows."""
        self.network.eval()
        total = start_sums(len(self.network.targets), self.device.device)
        for batch in self.loader.plain(self.valid_rows):
            if self._is_recorded and len(batch.table_BP) == self._share:
                if "valid" not in self._graphs:
                    self._graphs["valid"] = CudaGraph(self._sums_of_table, batch.table_BP)
                total += self._graphs["valid"](batch.table_BP)
            else:
                total += self._sum_batch(batch)
            after_batch()
        return read_sums(self.group.sum(total))

    def _sums_of_table(self, table_BP: Tensor) -> Tensor:
        return self._sum_batch(Batch(table_BP, len(table_BP)))

    @torch.no_grad()
    def _sum_batch(self, batch: Batch) -> Tensor:
        """Return what `sum_batch` makes of windows.

        A model of both strands is judged as it predicts: by the mean of their rates.
        """
        codes_BL, coverage_BNT, _ = self.loader.cut(batch)
        with self.device.autocast():
            log_rate_BNT = self.network(codes_BL)
            if self.settings.reverse_complement:
                other_BNT = flip_coverage(self.network(complement(codes_BL).flip(1)), self._pairs)
                log_rate_BNT = torch.logaddexp(log_rate_BNT, other_BNT) - math.log(2)
        return sum_batch(log_rate_BNT, coverage_BNT)


def learning_rate_at(settings: TrainSettings, epoch: int, done: float = 0.0) -> float:
    """Return the learning rate in an epoch, counted from 0, a part of which is done.

    The chapter's CosineScheduler changes it with every epoch; `schedule: step` draws the same
    curve without steps.
    """
    rate, warmup = settings.learning_rate, settings.warmup_epochs
    by_step = settings.schedule == "step"
    time_gone = epoch + done if by_step else epoch
    if time_gone < warmup:
        return rate * time_gone / warmup if by_step else rate / (warmup + 1) * (time_gone + 1)
    descent = (time_gone - warmup) / (settings.epochs - warmup)
    return 0.5 * rate * (1 + math.cos(math.pi * descent))


def _make_optimizer(
    network: Network, settings: TrainSettings, device: torch.device
) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim > 1]},
        # Biases and normalisations are not what overfits.
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0},
    ]
    is_gpu = device.type == "cuda"
    for each in groups:
        # On a GPU in its memory, as a recorded step reads it there.
        rate = settings.learning_rate
        each["lr"] = torch.tensor(rate, device=device) if is_gpu else rate
    return torch.optim.AdamW(
        groups,
        betas=(settings.beta1, settings.beta2),
        eps=1e-8,
        weight_decay=settings.weight_decay,
        fused=is_gpu,
        capturable=is_gpu,
    )


def _share_gradients(network: Network) -> DistributedDataParallel:
    with warnings.catch_warnings():
        # torch 2.13 renames the option; the new name is not in the versions before.
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        # Statistics are the same in all processes already.
        return DistributedDataParallel(network, broadcast_buffers=False)


def _make_key(task: Task, dataset: Dataset) -> dict[str, str]:
    """Return the digests of what the weights follow from."""
    return make_key(
        network=task.network.model_dump(mode="json"),
        training=tracked(task.training),
        data=[dataset.digest, task.fold],
        code=task.code,
    )
