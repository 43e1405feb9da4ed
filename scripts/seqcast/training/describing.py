"""What is said of a training while it goes on."""

import time

from tqdm import tqdm

from seqcast.console import format_seconds, log
from seqcast.device import Device
from seqcast.training.state import Place
from seqcast.training.trainer import Trainer

# The first steps are slow, and would frighten.
_WARM_STEPS, _FORECAST_STEPS = 5, 25


def describe(trainer: Trainer, threads: int) -> None:
    """Say what is trained, on what, and in what portions."""
    dataset, network, world = trainer.dataset, trainer.network, trainer.world
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
    if trainer.is_held:
        log.info("the dataset lies in the GPU's memory")
    if world.size > 1:
        log.info(
            "%d processes share each batch of %d windows", world.size, trainer.settings.batch_size
        )
    if trainer.micro_batch < trainer.share:
        _describe_portions(trainer)


def _describe_portions(trainer: Trainer) -> None:
    asked = trainer.settings.micro_batch
    why = "train.micro_batch" if asked else "what this GPU's memory holds"
    log.info(
        "a process takes its %d windows of a batch in portions of %d (%s): %s",
        trainer.share,
        trainer.micro_batch,
        why,
        "the batch stays as large, but normalisation is over a portion"
        if trainer.network.settings.normalises_over_batch
        else "the batch stays as large, and the result the same",
    )


def describe_resumption(trainer: Trainer, place: Place) -> None:
    """Say where an interrupted training is taken up again, and what is not as it was."""
    log.info(
        "taken up again in epoch %d of %d, after step %d of %d; %s were trained before",
        min(place.epoch + 1, trainer.settings.epochs),
        trainer.settings.epochs,
        place.done,
        trainer.steps_an_epoch,
        format_seconds(place.seconds),
    )
    for what, before, now in (
        ("arithmetic", place.precision, trainer.device.precision),
        ("processes", place.processes, trainer.world.size),
    ):
        if before != now:
            log.warning(
                "%s: %s before, %s now: results may differ in their last digits", what, before, now
            )


class Forecast:
    """Say how long it will all take, before anybody waits for six days in vain."""

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
