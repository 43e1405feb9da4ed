"""Small files in the schema of the course's `seq.h5`, whole or broken in one way."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("SEQCAST_TEST_DATA", ROOT.parent / "shared" / "data"))
YEAST = "yeast_course/seq.h5"
HG38 = "hg38_tiny/seq_hg38_tiny.h5"
WINDOW, BINS, TARGETS = 4096, 32, 3
WINDOWS = {"train": 10, "valid": 4, "test": 4}


def find_data(name: str) -> Path:
    """Return a file of the shared data, or skip the test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {path}; set SEQCAST_TEST_DATA to the folder of the shared data")
    return path


@functools.cache
def make_dna() -> np.ndarray:
    """Make codes (windows, bases) of DNA that is AT-rich, poor in CpG and TpA, strand-symmetric."""
    rng = np.random.default_rng(7)
    base = np.array([0.3, 0.2, 0.2, 0.3])
    step = np.outer(base, base)
    step[1, 2] *= 0.3
    step[3, 0] *= 0.75
    chain = np.cumsum(step / step.sum(axis=1, keepdims=True), axis=1)
    codes = np.zeros((sum(WINDOWS.values()), WINDOW), dtype=np.uint8)
    for place in range(1, WINDOW):
        draw = rng.random((len(codes), 1))
        codes[:, place] = (draw > chain[codes[:, place - 1]][:, :3]).sum(axis=1)
    codes.setflags(write=False)
    return codes


def encode(codes: np.ndarray, order: str = "ACGT") -> np.ndarray:
    """Write codes (..., bases) as one-hot bool with the channels in an order."""
    return np.stack([codes == "ACGT".index(base) for base in order], axis=-1)


def make_arrays(order: str = "ACGT") -> dict[str, np.ndarray]:
    """Make the arrays of a whole file; change them to break it."""
    rng = np.random.default_rng(11)
    arrays: dict[str, np.ndarray] = {}
    first = 0
    for split, count in WINDOWS.items():
        arrays[f"{split}_in"] = encode(make_dna()[first : first + count], order)
        values = rng.gamma(0.5, 2.0, (count, BINS, TARGETS)).astype(np.float16)
        arrays[f"{split}_out"] = values
        first += count
    arrays["target_labels"] = np.array(["one", "two +", "two -"], dtype="S29")
    return arrays


def write_file(path: Path, arrays: dict[str, Any]) -> Path:
    """Write arrays as an HDF5 file, one window a chunk, as Basenji's are."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            packed = isinstance(array, np.ndarray) and array.ndim == 3 and array.size > 0
            chunks = {"chunks": (1, *array.shape[1:]), "compression": "gzip"} if packed else {}
            file.create_dataset(name, data=array, **chunks)
    return path


@contextmanager
def no_permission(path: Path) -> Iterator[None]:
    """Take away the right to read a file, from root too."""
    mode = path.stat().st_mode
    path.chmod(0)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.chmod(mode)
