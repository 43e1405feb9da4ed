"""Copies of the project in folders of their own."""

import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from project import TINY, Project, make_project
from slurm import Slurm, find_missing, run_slurm


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Serve a folder on this machine; return it and its URL."""
    folder = tmp_path_factory.mktemp("served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """Run a Slurm of two nodes; skip where there can be none."""
    if why := find_missing():
        pytest.skip(why)
    # Not pytest's folder: the path of a socket may be no longer than a hundred letters.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, run_slurm(Path(folder)) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a copy of the project in which nothing has run."""
    return make_project(tmp_path, TINY)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project in which the tiny run is done."""
    project = make_project(tmp_path_factory.mktemp("finished"), TINY)
    project.snakemake("--resources", "gpu=1")
    return project
