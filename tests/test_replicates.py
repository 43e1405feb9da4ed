"""replicates.h5: written whole or in parts, read back."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from tiny import TARGETS, write_replicates

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data.replicates import ReplicatesWriter, read_replicates

INCLUDED = (True, False, False)


def make_coverage() -> np.ndarray:
    coverage = np.random.default_rng(1).random((50, 3), dtype=np.float32)
    coverage[:, 1] = np.nan
    coverage[7] = np.nan
    return coverage


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED, TARGETS)
    found = read_replicates(tmp_path / "r.h5")
    np.testing.assert_array_equal(found.coverage, make_coverage())
    assert (found.coverage.dtype, found.included) == (np.float32, INCLUDED)


def test_parts_make_the_same_file(tmp_path: Path) -> None:
    with ReplicatesWriter(tmp_path / "r.h5", 50, INCLUDED, TARGETS) as writer:
        for part in np.split(make_coverage(), [3, 20]):
            writer.add(part)
        assert not (tmp_path / "r.h5").exists()
        writer.finish()
    np.testing.assert_array_equal(read_replicates(tmp_path / "r.h5").coverage, make_coverage())
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]


def test_nothing_is_left_of_a_broken_writing(tmp_path: Path) -> None:
    with ReplicatesWriter(tmp_path / "r.h5", 50, INCLUDED, TARGETS) as writer:
        writer.add(make_coverage()[:3])
        with pytest.raises(ValueError, match="3 bins were added of 50"):
            writer.finish()
    assert not list(tmp_path.iterdir())


def test_too_many_bins_or_columns_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="found 50 bins, wanted 49"),
        ReplicatesWriter(tmp_path / "r.h5", 49, INCLUDED, TARGETS) as writer,
    ):
        writer.add(make_coverage())
    with pytest.raises(ValueError, match="found 2 in `included`, wanted 3"):
        write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED[:2], TARGETS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_replicates(tmp_path / "text.h5")
    write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED, TARGETS)
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        file.attrs["format_version"] = 9
    seal(tmp_path / "r.h5")
    with pytest.raises(SeqcastError, match="version 9, wanted 'seqcast-replicates' version 2"):
        read_replicates(tmp_path / "r.h5")
