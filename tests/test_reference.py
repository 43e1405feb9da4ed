"""truth.h5 and replicates.h5: written whole or in parts, read back."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from tiny import TARGETS, read_whole, write_replicates

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data.reference import ReferenceWriter, read_reference, write_truth

INCLUDED = (True, False, False)


def make_coverage() -> np.ndarray:
    coverage = np.random.default_rng(1).random((50, 3), dtype=np.float32)
    coverage[:, 1] = np.nan
    coverage[7] = np.nan
    return coverage


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED, TARGETS)
    found = read_reference(tmp_path / "r.h5")
    np.testing.assert_array_equal(read_whole(found.coverage), make_coverage())
    assert found.included == INCLUDED
    write_truth(tmp_path / "t.h5", make_coverage(), TARGETS)
    found = read_reference(tmp_path / "t.h5")
    np.testing.assert_array_equal(read_whole(found.coverage), make_coverage())
    assert found.included == (False, False, False)


def test_parts_make_the_same_file(tmp_path: Path) -> None:
    with ReferenceWriter(tmp_path / "r.h5", 50, TARGETS, INCLUDED) as writer:
        for part in np.split(make_coverage(), [3, 20]):
            writer.coverage.add(part.T)
        assert not (tmp_path / "r.h5").exists()
        writer.finish()
    found = read_reference(tmp_path / "r.h5")
    np.testing.assert_array_equal(read_whole(found.coverage), make_coverage())
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]


def test_one_column_too_few_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found 2 in `included`, wanted 3"):
        write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED[:2], TARGETS)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_reference(tmp_path / "text.h5")
    write_replicates(tmp_path / "r.h5", make_coverage(), INCLUDED, TARGETS)
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        file.attrs["format_version"] = 9
    seal(tmp_path / "r.h5")
    with pytest.raises(SeqcastError, match="version 9, wanted 'seqcast-reference' version 1"):
        read_reference(tmp_path / "r.h5")
