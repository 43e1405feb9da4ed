"""Copies of the project in folders of their own."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
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


@pytest.fixture(scope="session")
def _tiny_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Project:
    """Run the tiny pipeline once for all workers: the first makes it, another waits for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    done = shared / "tiny_run"
    with FileLock(f"{done}.lock"):
        if not done.exists():
            project = make_project(tmp_path_factory.mktemp("run"), TINY)
            project.snakemake("--resources", "gpu=1")
            project.folder.rename(done)
    return Project(done, done / "config/tiny.yaml")


@pytest.fixture(scope="module")
def finished(_tiny_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project in which the tiny run is done; each module has its own."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(_tiny_run.folder, folder, dirs_exist_ok=True)
    return Project(folder, folder / "config/tiny.yaml")


@pytest.fixture
def throwaway(_tiny_run: Project, tmp_path: Path) -> Project:
    """Return a copy of the project in which the tiny run is done, for one test to spoil."""
    folder = tmp_path / "throwaway"
    shutil.copytree(_tiny_run.folder, folder)
    return Project(folder, folder / "config/tiny.yaml")


@pytest.fixture(scope="session")
def conda(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a PATH on which there is a stand-in for conda."""
    base = tmp_path_factory.mktemp("conda")
    (base / "bin").mkdir()
    stand_in = Path(__file__).parents[1] / "stand_in_conda.py"
    (base / "bin/conda").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "{base}" "$@"\n'
    )
    (base / "bin/conda").chmod(0o755)
    (base / "bin/activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n')
    return f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"
