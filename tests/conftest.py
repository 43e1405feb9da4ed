"""Fixtures that several test files share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from chromium import chromium as chromium
from chromium import serve as serve
from chromium import visit as visit
from hypothesis import HealthCheck, settings
from tiny import write_tiny

from seqcast.data import Dataset

# The same examples every time, however busy the machine.
settings.register_profile(
    "seqcast", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seqcast")
# What a shell starts in the background, and all that comes of it, ignores Ctrl-C: tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Fixtures that start another program, which is not everywhere and takes its time.
PROGRAMS = {"visit", "slurm", "conda"}


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs another program, and put Slurm and whole pipelines first.

    At the end one worker would be alone with the last.
    """
    for item in items:
        if PROGRAMS & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
    items.sort(
        key=lambda item: ("slurm" not in item.fixturenames, "workflow" not in item.path.parts)
    )


@pytest.fixture(autouse=True)
def _few_threads() -> None:
    # Threads of test processes beside each other would wait for each other.
    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture
def double() -> Iterator[None]:
    """Compute in double precision: how 32 bits are rounded differs from processor to processor."""
    torch.set_default_dtype(torch.double)
    yield
    torch.set_default_dtype(torch.float)


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU"),
        ),
    ]
)
def device(request: pytest.FixtureRequest) -> torch.device:
    """Return each kind of device that there is."""
    return torch.device(request.param)


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures empty where words count: to draw them takes three seconds a report."""

    def write_blank(_: object, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr("seqcast.report.picture.write_figure", write_blank)


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a dataset of three contigs; not to be changed."""
    return write_tiny(tmp_path_factory.mktemp("tiny") / "dataset.h5")
