"""A training that is interrupted, however, goes on as if it had never been."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from attempts import Attempt, make_long_task, read_outcome

from seqcast.core.errors import Stopped
from seqcast.data import Dataset
from seqcast.training import Task, train
from seqcast.training.resume import Interrupts

STATE = "state.safetensors"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset):
    """Return a function that gives what a training comes to that nobody interrupts."""
    outcomes: dict = {}

    def get(**changes):
        key = tuple(changes.items())
        if key not in outcomes:
            task = make_long_task(tmp_path_factory.mktemp("untouched"), tiny_dataset, **changes)
            train(task)
            assert not task.checkpoints.exists()
            outcomes[key] = read_outcome(task)
        return outcomes[key]

    return get


def finish(task: Task) -> str:
    """Go on until the end; return what was said."""
    code, said = Attempt(task).end()
    assert code == 0, said
    return said


def kill_child(attempt: Attempt, _: Task) -> None:
    attempt.kill()


def kill_group(attempt: Attempt, _: Task) -> None:
    attempt.kill(group=True)


def terminate(attempt: Attempt, _: Task) -> None:
    attempt.send(signal.SIGTERM)
    code, said = attempt.end()
    assert code in (Stopped.exit_code, 0), said  # It may have come to its end just before.


def interrupt(attempt: Attempt, _: Task) -> None:
    attempt.send(signal.SIGINT)
    code, said = attempt.end()
    assert code in (Stopped.exit_code, 0), said


def kill_and_truncate(attempt: Attempt, task: Task) -> None:
    attempt.kill()
    path = task.checkpoints / STATE
    if path.exists():
        os.truncate(path, path.stat().st_size // 2)


def kill_and_damage(attempt: Attempt, task: Task) -> None:
    attempt.kill()
    path = task.checkpoints / STATE
    if path.exists():
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)


FAULTS = (kill_child, kill_group, terminate, interrupt, kill_and_truncate, kill_and_damage)


@pytest.mark.parametrize("fault", [kill_child, terminate, kill_and_truncate])
def test_three_kills_change_nothing(
    tmp_path: Path, tiny_dataset: Dataset, untouched, fault: Callable
) -> None:
    task = make_long_task(tmp_path, tiny_dataset)
    attempt = Attempt(task)
    attempt.wait_for((task.snapshots / "model_epoch_2.safetensors").exists)
    fault(attempt, task)
    assert not task.model.exists()
    assert not task.history.exists()
    assert "resumed in epoch " in finish(task)
    assert read_outcome(task) == untouched()
    assert not task.checkpoints.exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gated", "pooled"])
def test_twenty_random_kills_change_nothing(
    tmp_path: Path, tiny_dataset: Dataset, untouched, kind: str
) -> None:
    changes = {"kind": kind, "epochs": 80, "threads": 2}
    task = make_long_task(tmp_path, tiny_dataset, **changes)
    chance = random.Random(kind)
    for number in range(21):
        # Some attempts cannot save at all: the disk is full.
        largest = 2_000 if number % 5 == 4 else 0
        attempt = Attempt(task, largest_file=largest)
        attempt.wait_for_words("validation windows")
        time.sleep(chance.uniform(0, 0.4))
        (kill_child if largest else FAULTS[number % len(FAULTS)])(attempt, task)
    finish(task)
    assert read_outcome(task) == untouched(**changes)


def test_a_full_disk_loses_nothing(tmp_path: Path, tiny_dataset: Dataset, untouched) -> None:
    task = make_long_task(tmp_path, tiny_dataset)
    attempt = Attempt(task)
    attempt.wait_for((task.snapshots / "model_epoch_3.safetensors").exists)
    attempt.kill()
    kept = (task.checkpoints / STATE).read_bytes()
    # Snapshots are written as well; so that only saving fails, these are not.
    other = task.model_copy(update={"snapshots": None})
    attempt = Attempt(other, largest_file=len(kept) // 2)
    attempt.wait_for_words("could not be saved (File too large)")
    attempt.send(signal.SIGTERM)
    code, said = attempt.end()
    assert code == Stopped.exit_code, said
    assert "it could not be saved; the same command goes on from the save before" in said
    assert (task.checkpoints / STATE).read_bytes() == kept
    assert not list(task.checkpoints.glob("*.partial"))
    finish(task)
    assert read_outcome(task) == untouched()


def test_a_second_process_is_kept_out(tmp_path: Path, tiny_dataset: Dataset) -> None:
    task = make_long_task(tmp_path, tiny_dataset, epochs=400)
    attempt = Attempt(task)
    attempt.wait_for((task.checkpoints / STATE).exists)
    code, said = Attempt(task).end()
    assert code == 1
    (line,) = [each for each in said.splitlines() if "error:" in each]
    assert f"another process is training here (process {attempt.process.pid} on " in line
    assert "Traceback" not in said
    attempt.kill()


def test_attempts_of_a_few_steps_come_to_the_same(
    tmp_path: Path, tiny_dataset: Dataset, untouched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An epoch has eight looks at the clock, so that every sixth comes at each place in turn.
    looks = iter(range(1, 10_000))
    monkeypatch.setattr(Interrupts, "reason", lambda _: "" if next(looks) % 6 else "time is up")
    task, attempts = make_long_task(tmp_path, tiny_dataset), 0
    while not task.model.exists():
        attempts += 1
        with contextlib.suppress(Stopped):
            train(task)
    assert attempts > 5
    assert read_outcome(task) == untouched()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 6}, "training"),
        ({"learning_rate": 2e-2}, "training"),
        ({"kind": "pooled"}, "network"),
    ],
)
def test_what_another_training_left_is_not_used(
    tmp_path: Path, tiny_dataset: Dataset, untouched, changes: dict, what: str
) -> None:
    stop_early(make_long_task(tmp_path, tiny_dataset))
    task = make_long_task(tmp_path, tiny_dataset, **changes)
    said = finish(task)
    assert f"is not used: it is of other {what}" in said
    assert "resumed" not in said
    assert read_outcome(task) == untouched(**changes)


def test_what_other_code_or_data_left_is_not_used(
    tmp_path: Path, tiny_dataset: Dataset, caplog
) -> None:
    task = make_long_task(tmp_path, tiny_dataset)
    for change, what in (({"code": "other"}, "code"), ({"code": "third"}, "code")):
        stop_early(task)
        task = task.model_copy(update=change)
        assert f"it is of other {what}" in finish_here(task, caplog)
        task.model.unlink()


def stop_early(task: Task) -> None:
    """Begin a training and leave it."""
    short = task.training.model_copy(update={"time_limit": 1e-9})
    with pytest.raises(Stopped):
        train(task.model_copy(update={"training": short}))
    assert (task.checkpoints / STATE).exists()


def finish_here(task: Task, caplog) -> str:
    with caplog.at_level("INFO", logger="seqcast"):
        train(task)
    return caplog.text
