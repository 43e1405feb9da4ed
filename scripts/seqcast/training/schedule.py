"""The learning rate of each step."""

import math

from seqcast.settings import TrainSettings


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
