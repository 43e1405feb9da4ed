"""What a training says and writes of itself: lines of the log, time left, `history.tsv`."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from seqcast.core.console import format_seconds, log
from seqcast.core.seal import write_sealed
from seqcast.data.sampling import count_windows
from seqcast.nn import Network
from seqcast.nn.device import Device
from seqcast.nn.loss import loss_sums
from seqcast.settings import TrainSettings
from seqcast.training.loader import Loader
from seqcast.training.process_group import ProcessGroup
from seqcast.training.resume import Progress

ROWS_AN_EPOCH = 5
COLUMNS = ("epoch", "step", "train_loss", "valid_loss", "learning_rate", "seconds")
# The first steps are slow, as threads and caches start: a forecast made of them is too long.
_WARM_STEPS, _FORECAST_STEPS = 5, 25


@dataclass
class History:
    """The learning history: a row five times an epoch."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self,
        epoch: float,
        step: int,
        train: float,
        valid: float | None,
        learning_rate: float,
        seconds: float,
    ) -> None:
        """Add a row; `valid` is None but at the end of an epoch."""
        shown = "" if valid is None else f"{valid:.6f}"
        rate = f"{learning_rate:.6g}"
        self.rows.append((f"{epoch:.3f}", str(step), f"{train:.6f}", shown, rate, f"{seconds:.2f}"))

    def write(self, path: Path) -> None:
        """Write all rows."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows([COLUMNS, *self.rows])
        write_sealed(path, text.getvalue())


def list_row_steps(steps: int) -> set[int]:
    """Return the steps of an epoch after which there is a row, but its last."""
    return {round(steps * k / ROWS_AN_EPOCH) for k in range(1, ROWS_AN_EPOCH)} - {steps}


def describe(
    network: Network, loader: Loader, group: ProcessGroup, *, threads: int, micro_batch: int
) -> None:
    """Say what is trained, on what, and in what portions."""
    dataset, settings = loader.dataset, loader.settings
    unpaired = dataset.targets.strand_pair == tuple(range(len(dataset.targets)))
    if settings.reverse_complement and unpaired and not dataset.has_coordinates:
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
        len(dataset.rows_of("train")),
        len(dataset.rows_of("valid")),
        f"{dataset.window:,}",
        len(dataset.targets),
    )
    if settings.windows_per_epoch:
        windows = count_windows(dataset.rows_of("train"), settings)
        log.info("each epoch sees the next %s of the training windows", f"{windows:,}")
    if loader.is_held:
        log.info("the dataset lies in the GPU's memory")
    if group.size > 1:
        log.info("%d processes share each batch of %d windows", group.size, settings.batch_size)
    share = group.share_of(settings.batch_size)
    if micro_batch < share:
        log.info(
            "a process takes its %d windows of a batch in portions of %d (%s): %s",
            share,
            micro_batch,
            "train.micro_batch" if settings.micro_batch else "what this GPU's memory holds",
            "the batch stays as large, but normalisation is over a portion"
            if network.settings.normalises_over_batch
            else "the batch stays as large, and the result the same",
        )


def describe_resumption(
    progress: Progress, settings: TrainSettings, steps: int, *, precision: str, processes: int
) -> None:
    """Say where an interrupted training is resumed, and what is not as it was.

    `steps` is the length of an epoch.
    """
    log.info(
        "resumed in epoch %d of %d, after step %d of %d; %s were trained before",
        min(progress.epoch + 1, settings.epochs),
        settings.epochs,
        progress.done,
        steps,
        format_seconds(progress.seconds),
    )
    for what, before, now in (
        ("arithmetic", progress.precision, precision),
        ("processes", progress.processes, processes),
    ):
        if before != now:
            log.warning(
                "%s: %s before, %s now: results may differ in their last digits", what, before, now
            )


def explain_loss(
    step: int, settings: TrainSettings, identifiers: Sequence[str], *pair: Tensor
) -> str:
    """Say that a step's loss is not finite, which target is to blame, and what to do.

    `pair` is the log rate and the coverage of the step, where they are at hand.
    """
    what, remedy = f"the loss is not finite at step {step}", "lower train.learning_rate"
    if pair and len(pair[0]):
        log_rate, coverage = pair
        index = _find_bad_target(log_rate, coverage)
        largest = float(torch.nan_to_num(coverage[..., index]).max())
        what += (
            f", first in target {identifiers[index]!r} (as training sees it, its largest value in"
            f" the batch is {largest:,.6g})"
        )
    if settings.units == "table":
        remedy = f"set train.units: mean, or {remedy}"
    return f"{what}; {remedy}"


def _find_bad_target(log_rate: Tensor, coverage: Tensor) -> int:
    for index in range(log_rate.shape[-1]):
        if not loss_sums(log_rate[..., index], coverage[..., index])[0].isfinite():
            return index
    # Each target's loss may be finite and only their sum not; then the largest is to blame.
    return int(torch.nan_to_num(coverage).amax((0, 1)).argmax())


class Forecast:
    """Say how long a training on a CPU will take, once, early enough to choose another way."""

    def __init__(self, bar: tqdm, device: Device) -> None:
        self._bar, self._steps = bar, 0
        self._is_slow = device.device.type == "cpu"

    def look(self) -> None:
        """Count a step; after some of them say how long is left."""
        self._steps += 1
        if self._steps == _WARM_STEPS:
            self._warm = self._bar.n, time.monotonic()
        if self._steps == _FORECAST_STEPS and self._is_slow:
            windows, start = self._warm
            rate = (self._bar.n - windows) / (time.monotonic() - start)
            left = format_seconds((self._bar.total - self._bar.n) / rate)
            log.info("training on the CPU at %.1f windows/s: about %s to go", rate, left)
