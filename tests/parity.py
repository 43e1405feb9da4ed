"""What the course's own network computed, once, in Chainer."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = (
    Path(os.environ.get("SEQCAST_TEST_DATA", ROOT.parent / "shared" / "data")).parent / "parity"
)


def find_parity(name: str) -> Path:
    """Return a file of the parity folder, or skip the test."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"no {path}; the parity files lie beside the folder of the shared data")
    return path


def read_parity(name: str) -> dict[str, np.ndarray]:
    """Read a file of the parity folder, or skip the test."""
    with np.load(find_parity(name)) as file:
        return {key: file[key] for key in file.files}
