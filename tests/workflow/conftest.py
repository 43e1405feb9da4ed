"""Copies of the project in folders of their own."""

from pathlib import Path

import pytest
from project import TINY, Project, make_project


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
