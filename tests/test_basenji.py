"""From the course's kind of HDF5 file to dataset.h5, value by value."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_files import (
    BINS,
    HG38,
    TARGETS,
    WINDOW,
    WINDOWS,
    encode,
    find_data,
    make_arrays,
    make_dna,
    write_file,
)
from tiny import read_whole

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset, check_dataset, read_dataset
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji import write_dataset
from seqcast.sources.validation import validate


def make_dataset(folder: Path, arrays: dict[str, np.ndarray], **settings: Any) -> Dataset:
    path = write_file(folder / "seq.h5", arrays)
    return convert(path, folder / "dataset.h5", **settings)


def convert(path: Path, output: Path, **values: Any) -> Dataset:
    settings = BasenjiSettings(file=str(path), **values)
    write_dataset(settings, path, validate(settings, path), output)
    assert not output.with_name(output.name + ".partial").exists()
    dataset = read_dataset(output)
    assert check_dataset(dataset) == []
    return dataset


@pytest.mark.parametrize("order", ["ACGT", "ATCG"])
def test_every_window_becomes_a_contig(tmp_path: Path, order: str) -> None:
    arrays = make_arrays(order)
    arrays["train_in"][2, 100:200] = False
    dataset = make_dataset(tmp_path, arrays)
    codes = make_dna().copy()
    codes[2, 100:200] = 4
    assert dataset.contigs.name[:2] == ("train_0000", "train_0001")
    assert dataset.contigs.name[-1] == "test_0003"
    assert [len(dataset.rows_of(split)) for split in WINDOWS] == list(WINDOWS.values())
    for row in range(len(codes)):
        assert np.array_equal(dataset.codes_of(row), codes[row])
    coverage = np.concatenate([arrays[f"{split}_out"] for split in WINDOWS])
    assert np.array_equal(
        read_whole(dataset.cells), coverage.reshape(-1, TARGETS).astype(np.float32)
    )
    assert dataset.targets.identifier == ("one", "two +", "two -")
    assert dataset.targets.scale == (1.0, 1.0, 1.0)
    assert set(dataset.targets.units) == {"stored values"}


def test_source_says_where_it_came_from(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, make_arrays("ATCG"), ratio=2)
    source = dataset.source
    assert not dataset.has_coordinates
    assert (source["kind"], source["file"], source["alphabet"]) == ("basenji_h5", "seq.h5", "ATCG")
    assert source["ratio"] == 2
    assert source["assembly"] == "stand-in: one contig a window"
    settings = BasenjiSettings(file="seq.h5")
    assert source["sha256"] == validate(settings, tmp_path / "seq.h5").sha256
    assert len(dataset.contigs) == 5 + 2 + 4


def test_windows_are_cut_where_targets_are(tmp_path: Path) -> None:
    arrays = make_arrays()
    for split in WINDOWS:
        arrays[f"{split}_out"] = arrays[f"{split}_out"][:, 2:-2]
    dataset = make_dataset(tmp_path, arrays, window=1024)
    assert (dataset.crop, dataset.window, len(dataset.windows)) == (0, 1024, 18 * 3)
    assert dataset.windows["start"][:4].tolist() == [256, 1280, 2304, 256]
    assert np.array_equal(dataset.codes_of(4), make_dna()[1, 1280:2304])
    assert np.array_equal(dataset.coverage_of(4), arrays["train_out"][1, 8:16].astype(np.float32))


def test_crop_is_recorded_where_windows_are_whole(tmp_path: Path) -> None:
    arrays = make_arrays()
    for split in WINDOWS:
        arrays[f"{split}_out"] = arrays[f"{split}_out"][:, 2:-2]
    dataset = make_dataset(tmp_path, arrays)
    assert (dataset.crop, dataset.output_bins) == (2, BINS - 4)
    assert np.array_equal(dataset.coverage_of(3), arrays["train_out"][3].astype(np.float32))
    assert np.isnan(read_whole(dataset.cells).reshape(-1, BINS, TARGETS)[:, [0, 1, -2, -1]]).all()


def test_bad_bins_are_masked_with_a_count(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][1, 4, 0] = np.inf
    arrays["train_out"][1, 5, 1] = -2
    arrays["test_out"][0, 6, 2] = np.nan
    dataset = make_dataset(tmp_path, arrays, on_bad="mask")
    assert dataset.source["masked_values"] == 3
    masked = np.argwhere(np.isnan(read_whole(dataset.cells))).tolist()
    assert masked == [[BINS + 4, 0], [BINS + 5, 1], [14 * BINS + 6, 2]]


def test_bad_windows_are_dropped_with_a_count(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][1, 4, 0] = np.inf
    dataset = make_dataset(tmp_path, arrays, on_bad="drop", window=2048)
    assert dataset.source["dropped_windows"] == {"train": 1, "valid": 0, "test": 0}
    assert dataset.contigs.name[:2] == ("train_0000", "train_0002")
    assert np.array_equal(dataset.codes_of(2), make_dna()[2, :2048])
    assert np.isfinite(read_whole(dataset.cells)).all()


def test_duplicates_are_dropped_from_train(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_in"][4] = encode(make_dna()[14])
    dataset = make_dataset(tmp_path, arrays, on_duplicate="drop")
    assert "train_0004" not in dataset.contigs.name
    assert dataset.source["dropped_for"] == {
        "train windows the same as others or overlapping them": 1
    }


def test_scale_is_one_over_the_mean_of_what_is_trained_on(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][0] = 9  # dropped, so that it must not count
    arrays["train_out"][0, 0, 0] = np.nan
    dataset = make_dataset(tmp_path, arrays, scale="mean", on_bad="drop")
    mean = arrays["train_out"][1:].astype(np.float64).mean(axis=(0, 1))
    assert dataset.targets.scale == pytest.approx(1 / mean)
    assert np.array_equal(dataset.coverage_of(0), arrays["train_out"][1].astype(np.float32))


def test_scale_leaves_masked_bins_out(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][:, 3, 1] = np.inf
    dataset = make_dataset(tmp_path, arrays, scale="mean", on_bad="mask")
    mean = np.delete(arrays["train_out"], 3, axis=1)[:, :, 1].astype(np.float64).mean()
    assert dataset.targets.scale[1] == pytest.approx(1 / mean)


def test_scale_of_what_dropping_leaves_zero_is_refused(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][1:, :, 2] = 0
    arrays["train_out"][0, 0, 0] = np.nan
    with pytest.raises(SeqcastError, match=r"1 targets are zero in all train windows .*two -"):
        make_dataset(tmp_path, arrays, scale="mean", on_bad="drop")
    assert [path.name for path in tmp_path.iterdir()] == ["seq.h5"]


def test_refused_file_is_not_converted(tmp_path: Path) -> None:
    arrays = make_arrays()
    arrays["train_out"][1, 4, 0] = np.inf
    with pytest.raises(SeqcastError, match="1 coverage values are not finite"):
        make_dataset(tmp_path, arrays)
    assert not (tmp_path / "dataset.h5").exists()


def test_file_changed_since_validation_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "seq.h5", make_arrays())
    settings = BasenjiSettings(file=str(path))
    found = validate(settings, path)
    write_file(path, make_arrays("ATCG"))
    with pytest.raises(SeqcastError, match="run `snakemake validate` again"):
        write_dataset(settings, path, found, tmp_path / "dataset.h5")
    path.unlink()
    with pytest.raises(SeqcastError, match="is not there any more"):
        write_dataset(settings, path, found, tmp_path / "dataset.h5")


def test_head_is_not_enough(tmp_path: Path) -> None:
    path = write_file(tmp_path / "seq.h5", make_arrays())
    settings = BasenjiSettings(file=str(path))
    with pytest.raises(ValueError, match="only the head"):
        write_dataset(settings, path, validate(settings, path, head=1), tmp_path / "dataset.h5")


def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    path = write_file(tmp_path / "seq.h5", make_arrays())
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from seqcast.settings import BasenjiSettings\n"
        "from seqcast.sources.validation import validate\n"
        "from seqcast.sources.basenji import write_dataset; from seqcast.core.console import step\n"
        "source, output = map(Path, sys.argv[1:]); settings = BasenjiSettings(file=str(source))\n"
        "found = validate(settings, source)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "with step('dataset'): write_dataset(settings, source, found, output)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(path), str(tmp_path / "dataset.h5")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "File too large" in found.stderr
    assert "Traceback" not in found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["seq.h5"]


@pytest.mark.slow
def test_real_cropped_file(tmp_path: Path) -> None:
    dataset = convert(find_data(HG38), tmp_path / "dataset.h5")
    assert (dataset.window, dataset.crop, dataset.output_bins) == (131_072, 256, 512)
    assert [len(dataset.rows_of(split)) for split in WINDOWS] == [45, 10, 10]
    assert np.isfinite(dataset.coverage_of(64)).all()


def test_contig_is_one_window_long(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, make_arrays())
    assert set(dataset.contigs.length.tolist()) == {WINDOW}
