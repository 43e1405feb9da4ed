"""`dataset.h5` is read as it was written, or refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import BIN, CROP, LENGTHS, TARGETS, WINDOW, make_all_windows, make_contigs, write_tiny

from seqcast.dataset import (
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    Dataset,
    DatasetWriter,
    check_dataset,
    find_split_overlaps,
    make_windows,
    read_dataset,
    write_manifest,
)
from seqcast.errors import SeqcastError


def test_everything_is_read_as_it_was_written(tiny_dataset: Dataset) -> None:
    contigs = make_contigs()
    assert (tiny_dataset.bin_size, tiny_dataset.crop) == (BIN, CROP)
    assert (tiny_dataset.window, tiny_dataset.output_bins) == (WINDOW, WINDOW // BIN - 2 * CROP)
    assert tiny_dataset.targets == TARGETS
    assert tiny_dataset.has_coordinates
    assert tiny_dataset.contigs.name == tuple(LENGTHS)
    assert np.array_equal(tiny_dataset.windows, make_all_windows())
    for row, (contig, start, end, _) in enumerate(tiny_dataset.windows):
        codes, coverage = contigs[tiny_dataset.contigs.name[contig]]
        assert np.array_equal(tiny_dataset.codes_of(row), codes[start:end])
        inner = coverage[start // BIN + CROP : end // BIN - CROP]
        assert np.array_equal(tiny_dataset.coverage_of(row), inner, equal_nan=True)
    assert check_dataset(tiny_dataset) == []


def test_memory_map_is_what_hdf5_reads(tiny_dataset: Dataset) -> None:
    assert isinstance(tiny_dataset.coverage, np.memmap)
    with h5py.File(tiny_dataset.path) as file:
        assert np.array_equal(tiny_dataset.sequence, file["sequence"][()])
        assert np.array_equal(tiny_dataset.coverage, file["coverage"][()], equal_nan=True)
    with pytest.raises(ValueError, match="read-only"):
        tiny_dataset.coverage[0] = 1


def test_splits_share_out_the_windows(tiny_dataset: Dataset) -> None:
    rows = [tiny_dataset.rows_of(split) for split in SPLITS]
    assert [len(each) for each in rows] == [7, 5, 3]
    assert np.array_equal(np.concatenate(rows), tiny_dataset.rows_of("all"))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 20))
def test_contigs_lie_one_after_the_other(lengths: list[int], bin_size: int) -> None:
    contigs = Contigs.from_lengths({str(place): n for place, n in enumerate(lengths)}, bin_size)
    base = bin_ = 0
    for place, length in enumerate(lengths):
        assert (contigs.first_base[place], contigs.first_bin[place]) == (base, bin_)
        base, bin_ = base + length, bin_ + (length + bin_size - 1) // bin_size


def test_digest_tells_every_content_apart(tmp_path: Path, tiny_dataset: Dataset) -> None:
    digests = {tiny_dataset.digest}

    def add(**changes) -> None:
        digests.add(write_tiny(tmp_path / "d.h5", **changes).digest)

    add()
    assert len(digests) == 1
    codes, coverage = make_contigs()["chr2"]
    changed = codes.copy()
    changed[700] ^= 1
    add(contigs=make_contigs() | {"chr2": (changed, coverage)})
    known = coverage.copy()
    known[8, 2] = 0
    add(contigs=make_contigs() | {"chr2": (codes, known)})
    add(contigs={name.upper(): each for name, each in make_contigs().items()})
    windows = make_all_windows()
    windows["split"][0] = 1
    add(windows=windows)
    add(windows=make_all_windows()[1:])
    add(targets=replace(TARGETS, scale=(1.0, 2.0, 0.6)))
    add(crop=1)
    assert len(digests) == 8


def test_a_broken_off_dataset_has_no_name(tmp_path: Path) -> None:
    contigs = Contigs.from_lengths(LENGTHS, BIN)
    options = {"contigs": contigs, "targets": TARGETS, "bin_size": BIN}

    def write_one() -> None:
        with DatasetWriter(tmp_path / "d.h5", **options) as writer:
            writer.add_contig(*make_contigs()["chr1"])
            assert len(list(tmp_path.iterdir())) == 1
            writer.finish(make_all_windows(), {})

    with pytest.raises(ValueError, match="1 contigs were added of 3"):
        write_one()
    assert list(tmp_path.iterdir()) == []


def test_contigs_have_the_length_they_said(tmp_path: Path) -> None:
    codes, coverage = make_contigs()["chr1"]
    for wrong in ((codes[:-1], coverage), (codes, coverage[1:]), (codes, coverage[:, :2])):
        with pytest.raises(ValueError, match="chr1: found"):
            _add_first_contig(tmp_path / "d.h5", wrong)
    assert list(tmp_path.iterdir()) == []


def _add_first_contig(path: Path, contig: tuple[np.ndarray, np.ndarray]) -> None:
    contigs = Contigs.from_lengths(LENGTHS, BIN)
    with DatasetWriter(path, contigs=contigs, targets=TARGETS, bin_size=BIN) as writer:
        writer.add_contig(*contig)


def test_files_that_are_no_dataset_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    path = tmp_path / "d.h5"
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_dataset(path)
    path.write_text("no HDF5")
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_dataset(path)
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(SeqcastError, match="version 2, wanted 'seqcast-dataset' version 1; delete"):
        read_dataset(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(SeqcastError, match="found format None version None"):
        read_dataset(path)


@pytest.mark.parametrize("part", ["windows", "coverage", "contigs/name"])
def test_datasets_that_lack_a_part_are_refused(
    tmp_path: Path, tiny_dataset: Dataset, part: str
) -> None:
    path = tmp_path / "d.h5"
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file[part]
    with pytest.raises(SeqcastError, match="is not a whole dataset"):
        read_dataset(path)


def test_repacked_datasets_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    path = tmp_path / "d.h5"
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        codes = file["sequence"][()]
        del file["sequence"]
        file.create_dataset("sequence", data=codes, chunks=(100,), compression="gzip")
    with pytest.raises(SeqcastError, match="/sequence is empty or lies in chunks"):
        read_dataset(path)


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    code = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from tiny import write_tiny
try:
    write_tiny({str(tmp_path / "d.h5")!r})
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "bytes are needed" in done.stdout
    assert list(tmp_path.iterdir()) == []


window = st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(1, 9), st.integers(0, 2))


@given(st.lists(window, max_size=12))
def test_split_overlaps_are_those_of_all_pairs(rows: list[tuple[int, int, int, int]]) -> None:
    windows = np.array([(c, s, s + n, p) for c, s, n, p in rows], dtype=WINDOW_DTYPE)
    wanted = {
        (a, b)
        for b in range(len(rows))
        for a in range(b)
        if windows["contig"][a] == windows["contig"][b]
        and windows["split"][a] != windows["split"][b]
        and windows["start"][a] < windows["end"][b]
        and windows["start"][b] < windows["end"][a]
    }
    found = find_split_overlaps(windows)
    assert len(found) == len(wanted)
    assert {(min(pair), max(pair)) for pair in found} == wanted


def test_faults_are_named(tmp_path: Path) -> None:
    def faults(windows: np.ndarray, **contigs) -> str:
        path = tmp_path / "d.h5"
        return "\n".join(check_dataset(write_tiny(path, make_contigs() | contigs, windows=windows)))

    whole = make_all_windows()
    assert "/windows is empty" in faults(whole[:0])
    assert "/windows has none of the split test" in faults(whole[:12])
    longer = whole.copy()
    longer["end"][0] += BIN
    assert "lengths [256, 272]" in faults(longer)
    moved = whole.copy()
    moved["start"] += 1
    moved["end"] += 1
    assert "do not lie on bins of 16" in faults(moved)
    assert "past the end of their contig" in faults(moved)
    leak = np.append(whole, make_windows([0], [64], WINDOW, "test"))
    assert "/windows has 3 pairs of different splits that overlap" in faults(leak)
    codes, coverage = make_contigs()["chr1"]
    assert "codes above 4" in faults(whole, chr1=(codes + 1, coverage))
    for value in (-1, np.inf):
        bad = coverage.copy()
        bad[0, 0] = value
        assert "infinite or negative" in faults(whole, chr1=(codes, bad))


def test_manifest_holds_the_digest(tmp_path: Path, tiny_dataset: Dataset) -> None:
    write_manifest(tiny_dataset.path, tmp_path / "manifest.json")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["digest"] == tiny_dataset.digest
    assert manifest["windows"] == {"train": 7, "valid": 5, "test": 3}
    assert manifest["targets"] == 3
