"""When a training has to leave, and that it notices."""

import os
import signal
import threading
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqcast.core.errors import Stopped
from seqcast.training.loop import Training
from seqcast.training.resume import Interrupts


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    for name in ("SLURM_JOB_END_TIME", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    return Clock()


def test_without_a_reason_there_is_none(clock: Clock) -> None:
    with Interrupts(now=clock) as interrupts:
        clock.time += 1e9
        assert interrupts.reason() == ""


def test_a_time_limit_is_minutes_from_the_start(clock: Clock) -> None:
    with Interrupts(2, now=clock) as interrupts:
        clock.time += 119
        assert interrupts.reason() == ""
        clock.time += 1
        assert interrupts.reason() == "train.time_limit is reached"


def test_slurms_limit_is_left_before(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(clock.time) + 100))
    with Interrupts(now=clock) as interrupts:
        clock.time += 5
        # A step takes five seconds; two and twenty seconds to leave are 30.
        assert interrupts.reason() == ""
        while not interrupts.reason():
            clock.time += 5
        assert interrupts.reason() == "Slurm's time limit is near"
        assert clock.time == 1_000_070


@pytest.mark.parametrize(("said", "left"), [("2001-09-09T12:00:00", 60), ("NONE", None)])
def test_an_older_slurm_is_asked(
    clock: Clock, monkeypatch, tmp_path: Path, said: str, left: float | None
) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text(f'#!/bin/sh\n[ "$3" = 17 ] && echo {said}\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    clock.time = datetime(2001, 9, 9, 11, 59).timestamp()
    with Interrupts(now=clock) as interrupts:
        assert interrupts.reason() == ""
        clock.time += 41 if left else 1e6
        assert bool(interrupts.reason()) == bool(left)


def test_nonsense_in_slurms_place_is_no_limit(clock: Clock, monkeypatch) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", "soon")
    with Interrupts(now=clock) as interrupts:
        assert interrupts.reason() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_are_noted_and_given_back(clock: Clock, number: int) -> None:
    before = signal.getsignal(number)
    with Interrupts(now=clock) as interrupts:
        signal.raise_signal(number)
        assert interrupts.reason() == signal.Signals(number).name
    assert signal.getsignal(number) == before


def test_a_second_interrupt_does_not_wait(clock: Clock) -> None:
    with Interrupts(now=clock):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_another_thread_watches_no_signals(clock: Clock) -> None:
    said: list[str] = []

    def look() -> None:
        with Interrupts(1, now=clock) as interrupts:
            clock.time += 60
            said.append(interrupts.reason())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert said == ["train.time_limit is reached"]


@pytest.mark.parametrize("is_saved", [True, False])
def test_other_processes_say_what_the_first_does(is_saved: bool) -> None:
    run = object.__new__(Training)
    run.interrupts = SimpleNamespace(reason=lambda: "asked")
    answers = iter([True, not is_saved])  # does any have to stop, is any not saved
    run.group = SimpleNamespace(is_first=False, any=lambda _: next(answers))
    run.progress = SimpleNamespace(losses=[], epoch=0, done=1)
    run.trainer = SimpleNamespace(read_losses=list, steps_an_epoch=3)
    run.settings = SimpleNamespace(epochs=2)
    with pytest.raises(Stopped, match="saved, and" if is_saved else "could not be saved"):
        run.stop_if_asked()
