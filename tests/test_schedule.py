"""The learning rate of each step is the chapter's, or the same without steps."""

import math

import pytest

from seqcast.settings import TrainSettings
from seqcast.training.loop import learning_rate_at


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 1e-3), (1, 9.755282581475769e-4), (5, 5e-4), (9, 2.447174185242323e-5)],
)
def test_learning_rates_are_the_chapters(epoch: int, rate: float) -> None:
    assert learning_rate_at(TrainSettings(), epoch) == pytest.approx(rate, rel=1e-12)


def test_learning_rates_warm_up() -> None:
    settings = TrainSettings(epochs=6, warmup_epochs=2, learning_rate=0.3)
    rates = [learning_rate_at(settings, epoch) for epoch in range(6)]
    down = [0.15 * (1 + math.cos(math.pi * k / 4)) for k in range(4)]
    assert rates == pytest.approx([0.1, 0.2, *down])


def test_learning_rates_change_with_every_step() -> None:
    settings = TrainSettings(epochs=6, warmup_epochs=2, learning_rate=0.3, schedule="step")
    places = [(0, 0.0), (0, 0.5), (1, 0.0), (2, 0.0), (4, 0.0), (5, 0.5), (5, 1.0)]
    wanted = [0, 0.075, 0.15, 0.3, 0.15, 0.15 * (1 + math.cos(math.pi * 3.5 / 4)), 0]
    assert [learning_rate_at(settings, *place) for place in places] == pytest.approx(wanted)
