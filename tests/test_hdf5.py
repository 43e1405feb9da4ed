"""Rows of any HDF5 array are read alike, and one-hot rows become codes."""

import os
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest

from seqcast.core.errors import SeqcastError
from seqcast.sources.basenji import opening
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, mark_odd, open_hdf5, read_rows


def test_quarter_rows_are_not_one_hot() -> None:
    rows = np.array([[0.25] * 4, [0.5, 0, 0, 0], [0, 0, np.nan, 0], [0, 1, 0, 0], [0] * 4])
    assert mark_odd(rows).tolist() == [True, True, True, False, False]
    assert codes_from_one_hot(rows)[3:].tolist() == [1, 4]


def test_two_channels_or_odd_bytes_are_not_one_hot() -> None:
    bytes_L4 = np.array([[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 255, 0], [0, 0, 0, 1]], np.uint8)
    for rows in (bytes_L4, bytes_L4.view(np.bool_)):
        assert mark_odd(rows).tolist() == [True, True, True, False]


def test_codes_are_the_tables() -> None:
    rows = np.eye(5, 4, dtype=bool)[[3, 0, 4, 2, 1]]
    assert codes_from_one_hot(rows).tolist() == [3, 0, 4, 2, 1]
    table = np.array([1, 3, 0, 2, 4], np.uint8)
    for dtype in (bool, np.uint8, np.float16):
        assert codes_from_one_hot(rows.astype(dtype), table).tolist() == [2, 1, 4, 0, 3]


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"compression": "lzf"}])
@pytest.mark.parametrize("chunks", [None, (7, 512, 1), (3, 4096, 4), (1, 4096, 4), (10, 4096, 4)])
def test_rows_are_read_whatever_the_chunks(
    tmp_path: Path, chunks: tuple[int, ...] | None, options: dict
) -> None:
    values = np.random.default_rng(1).random((10, 4096, 4)) < 0.5
    with h5py.File(tmp_path / "x.h5", "w") as file:
        array = file.create_dataset("x", data=values, chunks=chunks, **options)
        rows = list(read_rows(array, 8))
    assert [row for row, _ in rows] == list(range(8))
    assert np.array_equal(np.stack([row for _, row in rows]), values[:8])


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"fletcher32": True}])
@pytest.mark.parametrize("dtype", ["<f2", ">f4", "bool", "i8"])
def test_packed_rows_are_what_h5py_reads(tmp_path: Path, dtype: str, options: dict) -> None:
    values = np.random.default_rng(1).integers(0, 2, (4, 30, 4)).astype(dtype)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        array = file.create_dataset(
            "x", values.shape, dtype, chunks=(1, 30, 4), compression="gzip", fillvalue=1, **options
        )
        array[:3] = values[:3]
        if not options:  # one row as it is, without its filter
            array.id.write_direct_chunk((1, 0, 0), values[1].tobytes(), filter_mask=1)
        # The last row was never written.
        rows = [row for _, row in read_rows(array, 4)]
        assert np.array_equal(np.stack(rows), array[:])
    assert np.array_equal(np.stack(rows[:3]), values[:3])
    assert rows[3].all()


def test_a_crash_of_the_library_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2]
    with open_hdf5(path) as file:
        assert file["x"][()].tolist() == [1, 2]
    monkeypatch.setattr(opening, "_look_through", lambda _: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(SeqcastError, match="HDF5's library ended with SIGSEGV") as caught:
        open_hdf5(path)
    assert "\n" not in str(caught.value)
