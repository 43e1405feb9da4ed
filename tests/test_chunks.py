"""Arrays in compressed chunks hold what was added, for this reader and for HDF5's own."""

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (HDF5 learns Blosc by it)
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numcodecs import Blosc

from seqcast.core.chunks import ChunkedArray, ChunkWriter, find_groups, open_chunked
from seqcast.core.errors import SeqcastError


def write(path: Path, values: np.ndarray, steps: list[int], **how: Any) -> str:
    with h5py.File(path, "w", userblock_size=512) as file:
        writer = ChunkWriter(file, "x", *values.shape, **how)
        for first, end in zip([0, *steps], [*steps, values.shape[1]], strict=True):
            writer.add(values[:, first:end])
        return writer.finish()


def write_packed(path: Path, values: np.ndarray, compressor: str) -> str:
    """Write chunks that were packed before, the last ones first."""
    with h5py.File(path, "w", userblock_size=512) as file:
        writer = ChunkWriter(file, "x", *values.shape, compressor=compressor)
        pieces = [
            (number, values[rows, first : first + 2048])
            for number, rows in enumerate(writer.groups)
            for first in range(0, values.shape[1], 2048)
        ]
        packed = [(number, writer.pack(piece)) for number, piece in pieces[::-1]]
        for number, each in packed[::-1]:
            writer.add_packed(number, each)
        return writer.finish()


def open_array(path: Path) -> ChunkedArray:
    with h5py.File(path) as file:
        return open_chunked(path, file["x"])


@given(
    rows=st.integers(1, 150),
    places=st.integers(0, 3000),
    steps=st.lists(st.integers(0, 3000), max_size=4),
    seed=st.integers(0, 9),
    compressor=st.sampled_from(["lz4", "lz4hc"]),
)
def test_what_was_added_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: int,
    places: int,
    steps: list[int],
    seed: int,
    compressor: str,
) -> None:
    path = tmp_path_factory.mktemp("chunks") / "x.h5"
    rng = np.random.default_rng(seed)
    values = rng.gamma(1, 1, (rows, places)).astype(np.float32)
    values[rng.random(values.shape) < 0.8] = 0
    values[rng.random(values.shape) < 0.01] = np.nan
    steps = sorted(min(step, places) for step in steps)
    digest = write(path, values, steps, compressor=compressor)
    sizes = open_array(path).table[..., 1]
    assert write_packed(path, values, compressor) == digest
    array = open_array(path)
    np.testing.assert_array_equal(array.table[..., 1], sizes)
    np.testing.assert_array_equal(array.read(0, places), values)
    first, end = np.sort(rng.integers(0, places + 1, 2))
    start, stop = np.sort(rng.integers(0, rows + 1, 2))
    found = array.read(first, end, slice(start, stop))
    np.testing.assert_array_equal(found, values[start:stop, first:end])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["x"][()], values)
    # The digest is of the values, not of how they came.
    assert write(path, values, []) == digest
    if values.size:
        values[-1, -1] = 7
        assert write(path, values, []) != digest


def test_groups_may_be_added_one_after_the_other(tmp_path: Path) -> None:
    values = np.random.default_rng(0).poisson(1, (130, 2500)).astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        writer = ChunkWriter(file, "x", *values.shape)
        assert [rows.stop - rows.start for rows in writer.groups] == [44, 44, 42]
        for number in (2, 0, 1):
            for first in range(0, 2500, 600):
                part = values[writer.groups[number], first : first + 600]
                writer.add_group(number, part)
        writer.finish()
    np.testing.assert_array_equal(open_array(tmp_path / "x.h5").read(0, 2500), values)
    assert open_array(tmp_path / "x.h5").groups == find_groups(130)


@pytest.mark.parametrize(("width", "height"), [(1024, 52), (512, 87), (256, 130)])
def test_narrower_chunks_are_taller(tmp_path: Path, width: int, height: int) -> None:
    values = np.random.default_rng(0).poisson(1, (260, 1100)).astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        writer = ChunkWriter(file, "x", *values.shape, width)
        writer.add(values)
        writer.finish()
    array = open_array(tmp_path / "x.h5")
    assert array.chunk == (height, width)
    starts = range(0, 260, height)
    assert array.groups == writer.groups == [slice(n, min(n + height, 260)) for n in starts]
    np.testing.assert_array_equal(array.read(90, 1000, slice(40, 200)), values[40:200, 90:1000])


@pytest.mark.parametrize("compressor", ["lz4", "lz4hc"])
@pytest.mark.parametrize("kind", ["smooth", "flat"])
def test_chunks_are_shuffled_where_that_is_smaller(
    tmp_path: Path, compressor: str, kind: str
) -> None:
    values = np.random.default_rng(1).gamma(1, 1, (8, 4096)).astype(np.float32)
    if kind == "flat":
        values = np.repeat(values[:, ::8], 8, axis=1)
    write(tmp_path / "x.h5", values, [], compressor=compressor)
    array = open_array(tmp_path / "x.h5")
    # The third byte of a chunk of Blosc's has a bit for shuffled bytes.
    is_shuffled = [array.file[offset + 2] & 1 for offset, _ in array.table.reshape(-1, 2)]
    assert is_shuffled == [kind == "smooth"] * 4
    for codec in (Blosc(compressor, shuffle=way) for way in (Blosc.SHUFFLE, Blosc.NOSHUFFLE)):
        alike = sum(len(codec.encode(each.copy())) for each in np.split(values, 4, axis=1))
        assert array.table[..., 1].sum() < 1.02 * alike
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["x"][()], values)


@pytest.mark.parametrize(("compressor", "most"), [("lz4", 0.07), ("lz4hc", 0.05)])
def test_sparse_coverage_takes_little_room(tmp_path: Path, compressor: str, most: float) -> None:
    # Reads of 200 bases, one each 1,200, in cells of 16 bases: as a shallow ChIP-seq has it.
    rng = np.random.default_rng(1)
    steps = np.zeros((8, 1 << 20), np.float32)
    starts = rng.integers(0, steps.shape[1] - 200, (8, steps.shape[1] // 1200))
    for row, start in zip(steps, starts, strict=True):
        np.add.at(row, start, 1)
        np.add.at(row, start + 200, -1)
    cells = steps.cumsum(axis=1).reshape(8, -1, 16).sum(axis=2) * np.float32(0.173)
    write(tmp_path / "x.h5", cells, [], compressor=compressor)
    assert open_array(tmp_path / "x.h5").table[..., 1].sum() < most * cells.nbytes


def test_too_much_too_little_and_other_arrays_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        writer = ChunkWriter(file, "x", 2, 10)
        writer.add(np.zeros((2, 6), np.float32))
        with pytest.raises(ValueError, match="6 places were added of 10"):
            writer.finish()
        with pytest.raises(ValueError, match="found 2 rows and 5 places, wanted 2 and at most 4"):
            writer.add(np.zeros((2, 5), np.float32))
        file["plain"] = np.zeros((2, 10))
        with pytest.raises(SeqcastError, match="/plain is not in compressed chunks"):
            open_chunked(tmp_path / "x.h5", file["plain"])
    write(tmp_path / "y.h5", np.zeros((2, 10), np.float32), [])
    with pytest.raises(IndexError, match="places 5 to 11"):
        open_array(tmp_path / "y.h5").read(5, 11)
