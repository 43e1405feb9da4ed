"""Several processes come to what one comes to; across nodes; resumed by another number.

In double precision: where a gradient is zero but for rounding, AdamW makes a step of that rounding,
and in 32 bits one of any size up to the learning rate.
"""

import csv
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from attempts import SECONDS, Attempt, make_long_task, start_torchrun
from safetensors.torch import load_file

from seqcast.core.errors import SeqcastError, Stopped
from seqcast.data import Dataset
from seqcast.nn.checkpoint import read_card
from seqcast.training import Task, launch, train
from seqcast.training.launch import make_command, make_environment


def make_shared_task(folder: Path, dataset: Dataset, processes: int, **changes: Any) -> Task:
    """Make a training whose batches of three windows do not divide evenly."""
    values = {"epochs": 3, "batch_size": 3, "snapshots": "best", "processes": processes, **changes}
    return make_long_task(folder, dataset, **{"checkpoint_minutes": 10, **values})


def read_curve(task: Task) -> list[list[float]]:
    with open(task.history, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row.pop("seconds") for row in rows]
    return [[float(value or "nan") for value in row.values()] for row in rows]


@pytest.fixture(scope="module", autouse=True)
def _in_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compute in double precision, here and in all processes that are started."""
    folder = tmp_path_factory.mktemp("double")
    text = "import torch; torch.set_default_dtype(torch.double)"
    (folder / "sitecustomize.py").write_text(text)  # Python imports it by itself as it starts.
    torch.set_default_dtype(torch.double)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield
    torch.set_default_dtype(torch.float)


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset, _in_double: None
) -> dict[str, Task]:
    """Return what one process comes to with each kind of network."""
    tasks = {}
    for kind in ("gated", "pooled"):
        folder = tmp_path_factory.mktemp(kind)
        tasks[kind] = make_shared_task(folder, tiny_dataset, 1, kind=kind)
        train(tasks[kind])
    return tasks


def assert_same(task: Task, other: Task) -> None:
    for row, wanted in zip(read_curve(task), read_curve(other), strict=True):
        # Of six digits, the last may be rounded to either side.
        assert row == pytest.approx(wanted, rel=0, abs=2e-6, nan_ok=True)
    weights = load_file(other.model)
    assert weights["head.bias"].dtype == torch.double
    for name, value in load_file(task.model).items():
        # A gradient of rounding alone is some 1e-17: by AdamW's eps of 1e-8 and the rate of 1e-2,
        # nine steps of it come to 1e-10.
        torch.testing.assert_close(value, weights[name], rtol=0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "processes"), [("gated", 2), ("pooled", 4)])
def test_more_processes_come_to_the_same(
    tmp_path: Path, tiny_dataset: Dataset, alone: dict, kind: str, processes: int
) -> None:
    # Seven windows in batches of three: two processes have uneven shares, of four some have none,
    # and bins are masked.
    task = make_shared_task(tmp_path, tiny_dataset, processes, kind=kind)
    train(task)
    assert_same(task, alone[kind])
    assert read_card(task.model).training.processes == processes
    assert not task.checkpoints.exists()


def test_portions_of_a_batch_come_to_the_same(
    tmp_path: Path, tiny_dataset: Dataset, alone: dict, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 1, micro_batch=2)
    with caplog.at_level("INFO", logger="seqcast"):
        train(task)
    assert "takes its 3 windows of a batch in portions of 2 (train.micro_batch)" in caplog.text
    assert_same(task, alone["gated"])


@pytest.mark.slow
def test_two_agents_of_two_nodes_come_to_the_same(
    tmp_path: Path, tiny_dataset: Dataset, alone: dict
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 4, micro_batch=1)
    agents = start_torchrun(task, "--nproc-per-node=2", agents=2)
    said = [agent.communicate(timeout=SECONDS)[1] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], said
    assert sum("4 processes share each batch of 3 windows" in each for each in said) == 1
    assert_same(task, alone["gated"])


@pytest.mark.slow
def test_other_numbers_of_processes_take_a_training_up(
    tmp_path: Path, tiny_dataset: Dataset, alone: dict
) -> None:
    for number, processes in enumerate((2, 1)):
        task = make_shared_task(tmp_path, tiny_dataset, processes, checkpoint_minutes=1e-9)
        # One step an attempt: the state is saved, then time is up.
        limited = task.training.model_copy(update={"time_limit": 1e-9})
        with pytest.raises(Stopped):
            train(task.model_copy(update={"training": limited}))
        assert (task.checkpoints / "state.safetensors").exists(), number
    train(make_shared_task(tmp_path, tiny_dataset, 2))
    assert_same(task, alone["gated"])


def find_workers(task: Task) -> list[int]:
    """Return the processes that work on a task."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(task.checkpoints / "task.json").encode() in words and b"-u" in words:
                found.append(int(place.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["launcher", "worker"])
def test_a_kill_leaves_nobody_behind_and_loses_nothing(
    tmp_path: Path, tiny_dataset: Dataset, alone: dict, whom: str
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 2, epochs=2000, checkpoint_minutes=1e-9)
    attempt = Attempt(task)
    attempt.wait_for((task.checkpoints / "state.safetensors").exists)
    workers = find_workers(task)
    assert len(workers) == 2
    if whom == "launcher":
        attempt.kill()
    else:
        os.kill(workers[1], signal.SIGKILL)
        assert attempt.end()[0] == 1
    end = time.monotonic() + SECONDS
    while find_workers(task):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert (task.checkpoints / "state.safetensors").exists()
    assert not task.model.exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_processes_and_saves(
    tmp_path: Path, tiny_dataset: Dataset, number: int
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 2, epochs=2000)
    attempt = Attempt(task)
    attempt.wait_for((task.checkpoints / "state.safetensors").exists)
    # To the whole group, as a terminal does, and twice, as one who is in a hurry.
    for _ in range(2):
        attempt.send(number, group=True)
    code, said = attempt.end()
    assert code == Stopped.exit_code, said
    assert re.search(r"stopped \(.*\) in epoch \d+ of 2000", said)
    assert "Traceback" not in said
    # What torchrun says of a process that does not leave by itself, half a minute later.
    assert "forcefully" not in said


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        # Ctrl-C in the first seconds, which torchrun does not yet know what to do with.
        ("os.kill(os.getppid(), 15); time.sleep(600)", Stopped, "stopped before it began"),
        ("os.kill(os.getpid(), 9)", SeqcastError, "the processes were ended by SIGKILL"),
    ],
    ids=["told", "killed"],
)
def test_the_end_of_torchrun_itself_is_said(
    tmp_path: Path, tiny_dataset: Dataset, monkeypatch, what: str, error: type, said: str
) -> None:
    command = [sys.executable, "-I", "-c", f"import os, time; {what}", "", ""]
    monkeypatch.setattr(launch, "make_command", lambda *_: command)
    with pytest.raises(error, match=said):
        train(make_shared_task(tmp_path, tiny_dataset, 2))


@pytest.mark.slow
def test_a_users_error_is_one_line_from_all(tmp_path: Path, tiny_dataset: Dataset) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 2)
    task = task.model_copy(update={"dataset": tmp_path / "none.h5"})
    code, said = Attempt(task).end()
    assert code == 1
    assert said.count("error:") == 1
    assert "Traceback" not in said


def test_a_job_of_several_nodes_starts_an_agent_on_each(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 8, device="auto")
    task = task.model_copy(update={"gpus": 8, "nodes": 2})
    command = make_command(task, Path("task.json"), "gpu03", "10017")
    assert command[:5] == ["srun", "--overlap", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]
    assert command[5:7] == ["--gpus-per-node=4", sys.executable]
    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-id=10017"} <= set(command)
    assert "--rdzv-endpoint=gpu03:29517" in command
    assert command[-3:] == ["-m", "seqcast.training.worker", "task.json"]
    on_cpus = task.training.model_copy(update={"device": "cpu", "processes": 8})
    task = task.model_copy(update={"training": on_cpus, "gpus": 0})
    assert "--gpus-per-node=4" not in make_command(task, Path("task.json"), "gpu03", "10017")


def test_a_step_on_all_nodes_forgets_the_step_that_it_is_started_from() -> None:
    given = {"SLURM_JOB_ID": "17", "SLURM_NNODES": "1", "SLURM_STEP_ID": "0", "HOME": "/home/me"}
    assert make_environment(given, nodes=2).keys() & given.keys() == {"SLURM_JOB_ID", "HOME"}
    assert given.items() <= make_environment(given).items()


def test_processes_that_do_not_divide_among_nodes_are_refused(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, 3).model_copy(update={"nodes": 2})
    with pytest.raises(SeqcastError, match="3 processes do not divide among 2 nodes"):
        make_command(task, Path("task.json"), "gpu03", "17")


@pytest.mark.parametrize(
    ("device", "asked", "granted", "wanted"),
    [
        ("auto", 1, 4, 4),  # --set-resources train_model:gpu=4
        ("auto", 4, 1, 1),  # a limit of one GPU
        ("auto", 4, 0, 4),
        ("cpu", 2, 4, 2),
        ("auto", 2, None, 2),
    ],
)
def test_there_is_a_process_for_each_gpu_that_was_granted(
    tmp_path: Path, tiny_dataset: Dataset, device: str, asked: int, granted, wanted: int
) -> None:
    task = make_shared_task(tmp_path, tiny_dataset, asked, device=device)
    task = task.model_copy(update={"gpus": granted})
    assert task.processes == wanted
    assert json.loads(task.model_dump_json())["gpus"] == granted
