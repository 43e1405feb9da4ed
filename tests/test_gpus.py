"""Jobs beside each other take GPUs of their own; a job's processes do, too."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqcast.core import gpus
from seqcast.core.gpus import claim_gpu, one_at_a_time

SCRIPTS = Path(__file__).parents[1] / "scripts"
NAMES = ("GPU-a", "GPU-b", "GPU-c")
HOLD = """
import sys
from pathlib import Path
from seqcast.core.gpus import claim_gpu
print(claim_gpu(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


class Job:
    """A process that claims a GPU and keeps it until it is ended."""

    def __init__(self, folder: Path, names: tuple[str, ...] = NAMES) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(SCRIPTS)},
            text=True,
        )
        self.gpu = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(tmp_path: Path):
    """Return a function that starts a job; all are ended after the test."""
    jobs: list[Job] = []

    def start(*names: str) -> Job:
        jobs.append(Job(tmp_path, names or NAMES))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


@pytest.fixture(autouse=True)
def _nothing_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    held: dict = {}
    monkeypatch.setattr(gpus, "_HELD", held)
    yield
    for _, file in held.values():
        if file:
            file.close()


def test_each_job_takes_another_gpu(start, tmp_path: Path) -> None:
    first, second = start(), start()
    assert {first.gpu, second.gpu} == {0, 1}
    assert claim_gpu(NAMES, tmp_path) == 2
    assert claim_gpu(NAMES, tmp_path) == 2


def test_a_job_that_was_killed_holds_nothing(start, tmp_path: Path) -> None:
    job = start()
    job.kill()
    assert claim_gpu(NAMES, tmp_path) == job.gpu == 0


def test_where_all_are_taken_one_is_shared(start, tmp_path: Path) -> None:
    for _ in NAMES:
        start()
    assert claim_gpu(NAMES, tmp_path) in range(3)


def test_gpus_are_told_apart_by_name_not_by_place(start, tmp_path: Path) -> None:
    # Two jobs of a scheduler both call theirs the first.
    assert start("GPU-b", "GPU-c").gpu == 0
    assert claim_gpu(("GPU-a", "GPU-b"), tmp_path) == 0


def test_one_gpu_is_taken_without_asking(tmp_path: Path) -> None:
    assert claim_gpu(["GPU-a"], tmp_path / "untouched") == 0
    assert not (tmp_path / "untouched").exists()


def test_two_jobs_do_not_look_at_one_gpus_memory_at_once(tmp_path: Path) -> None:
    inside: list[str] = []

    def look(name: str) -> None:
        with one_at_a_time("GPU-a", tmp_path):
            inside.append(name)
            time.sleep(0.001)
            assert len(inside) == 1, "both think that the memory is free"
            inside.remove(name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, map(str, range(50))))
    with one_at_a_time("GPU-a", tmp_path), one_at_a_time("GPU-b", tmp_path):
        pass  # another GPU is not waited for
    assert not inside
