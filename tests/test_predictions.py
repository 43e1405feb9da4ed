"""`predictions.h5`, and one value a bin from windows that overlap."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import BIN, CROP, WINDOW, write_many, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data import Dataset
from seqcast.data.by_target import ByTarget
from seqcast.data.predictions import Predictions, PredictionWriter, Stitch, read_predictions
from seqcast.data.targets import Targets


def write(path: Path, dataset: Dataset, rows: np.ndarray, values: np.ndarray) -> Predictions:
    with PredictionWriter(path, dataset, rows, model="a", checkpoint_digest="c" * 64) as out:
        out.add(values[:2])
        out.add(values[2:])
        out.finish()
    return read_predictions(path, dataset)


def make_values(dataset: Dataset, windows: int) -> np.ndarray:
    shape = (windows, dataset.output_bins, len(dataset.targets))
    return np.random.default_rng(3).gamma(1, 1, shape).astype(np.float32)


def test_everything_is_read_as_it_was_written(tmp_path: Path, tiny_dataset: Dataset) -> None:
    rows = np.array([8, 2, 13])
    values = make_values(tiny_dataset, 3)
    found = write(tmp_path / "p.h5", tiny_dataset, rows, values)
    assert np.array_equal(found.rows, rows)
    assert found.contig == ("chr2", "chr1", "chr3")
    assert found.start.tolist() == [128 + CROP * BIN, 256 + CROP * BIN, 128 + CROP * BIN]
    assert (found.end - found.start).tolist() == [WINDOW - 2 * CROP * BIN] * 3
    assert (found.targets, found.bins) == (tiny_dataset.targets, tiny_dataset.output_bins)
    assert found.folds.tolist() == [tiny_dataset.fold] * 3
    assert (found.model, found.checkpoint_digest) == ("a", "c" * 64)
    assert found.dataset_digest == tiny_dataset.digest
    assert np.array_equal(np.stack([found.read(t) for t in range(3)], axis=-1), values)
    assert np.array_equal(found.read(slice(1, 3)), np.moveaxis(values, 2, 0)[1:])
    assert np.array_equal(np.stack([found.read_window(place) for place in range(3)]), values)
    assert found.read_window_spread(0) is None
    assert [path.name for path in tmp_path.iterdir()] == ["p.h5"]


def test_a_spread_is_read_as_it_was_written(tmp_path: Path, tiny_dataset: Dataset) -> None:
    rows, values = np.array([8, 2, 13]), make_values(tiny_dataset, 3)
    assert not write(tmp_path / "p.h5", tiny_dataset, rows, values).has_spread
    options = {"model": "a", "checkpoint_digest": "", "folds": np.array([1, 0, 2])}
    with PredictionWriter(tmp_path / "p.h5", tiny_dataset, rows, spread=True, **options) as out:
        out.add(values[:1], values[:1] / 2)
        out.add(values[1:], values[1:] / 2)
        out.finish()
    found = read_predictions(tmp_path / "p.h5", tiny_dataset)
    assert found.has_spread
    assert np.array_equal(np.stack([found.read_spread(t) for t in range(3)], axis=-1), values / 2)
    assert np.array_equal(found.read_spread(slice(0, 2)), np.moveaxis(values, 2, 0)[:2] / 2)
    assert np.array_equal(found.read_window_spread(1), values[1] / 2)
    assert np.array_equal(found.read_windows(np.arange(3)), values)
    assert found.folds.tolist() == [1, 0, 2]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictions, np.ndarray]:
    """Predict 130 targets, three groups in the file, in all windows."""
    folder = tmp_path_factory.mktemp("many")
    dataset = write_many(folder / "d.h5")
    values = make_values(dataset, 15)
    return write(folder / "p.h5", dataset, np.arange(15), values), values


@given(
    places=st.lists(st.integers(0, 14), max_size=20),
    ends=st.lists(st.integers(0, 130), min_size=2, max_size=2),
)
def test_windows_are_read_in_any_order_of_some_targets(
    many: tuple[Predictions, np.ndarray], places: list[int], ends: list[int]
) -> None:
    found, values = many
    targets = slice(min(ends), max(ends))
    here = found.read_windows(np.array(places, dtype=int), targets)
    assert np.array_equal(here, values[places][..., targets])


def test_targets_are_read_in_groups_that_fit_into_memory(
    many: tuple[Predictions, np.ndarray],
) -> None:
    found, values = many
    assert np.array_equal(np.concatenate([*found.split_windows()]), np.arange(15))
    for memory, count in ((1, 130), (10 * values[..., 0].nbytes, 15), (1 << 28, 3)):
        groups, read = found.find_groups(memory), []
        assert len(groups) == count

        def note(group: slice, read: list[slice] = read) -> np.ndarray:
            read.append(group)
            return found.read(group)

        by_target = ByTarget(groups, note)
        for target in range(130):
            assert np.array_equal(by_target[target], values[..., target])
        assert read == groups
    assert np.array_equal(by_target[2], values[..., 2])


def test_there_is_a_spread_for_all_windows_or_none(tmp_path: Path, tiny_dataset: Dataset) -> None:
    values = make_values(tiny_dataset, 2)
    options = {"model": "a", "checkpoint_digest": ""}
    for spread, batch in ((True, (values,)), (False, (values, values))):
        with (
            PredictionWriter(
                tmp_path / "p.h5", tiny_dataset, np.arange(2), spread=spread, **options
            ) as out,
            pytest.raises(ValueError, match="zip"),
        ):
            out.add(*batch)
    assert list(tmp_path.iterdir()) == []
    found = write(tmp_path / "p.h5", tiny_dataset, np.arange(2), values)
    with pytest.raises(ValueError, match="has no spread"):
        found.read_spread(0)


def test_predictions_of_other_data_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    write(tmp_path / "p.h5", tiny_dataset, np.arange(3), make_values(tiny_dataset, 3))
    other = write_tiny(tmp_path / "other.h5", crop=1)
    with pytest.raises(SeqcastError, match="was predicted from a dataset with digest"):
        read_predictions(tmp_path / "p.h5", other)


def test_files_that_are_no_predictions_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_predictions(tmp_path / "p.h5")
    with pytest.raises(SeqcastError, match="found format 'seqcast-dataset' version 5, wanted"):
        read_predictions(tiny_dataset.path)
    write(tmp_path / "p.h5", tiny_dataset, np.arange(3), make_values(tiny_dataset, 3))
    with h5py.File(tmp_path / "p.h5", "a") as file:
        file.attrs["format_version"] = 0
    seal(tmp_path / "p.h5")
    with pytest.raises(SeqcastError, match="version 0, wanted 'seqcast-predictions' version 4"):
        read_predictions(tmp_path / "p.h5")
    with h5py.File(tmp_path / "p.h5", "a") as file:
        file.attrs["format_version"] = 4
        del file["predicted"]
    seal(tmp_path / "p.h5")
    with pytest.raises(
        SeqcastError, match=r"cannot be read as HDF5, or is not whole .*doesn't exist.*; delete"
    ):
        read_predictions(tmp_path / "p.h5")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bin_size", -16, "bin_size: found -16, wanted greater than 0"),
        ("targets", "{", "targets: found '{'; invalid JSON"),
        ("targets", Targets.from_names(["a"]).to_json(), "/predicted has shape .* 1 targets"),
        ("bins", 7, "/predicted has shape .* wanted 3 targets and 3 windows of 7 bins"),
        ("model", 3, "model: found 3, wanted a valid string"),
        ("checkpoint_digest", None, "checkpoint_digest: is needed and not given"),
    ],
)
def test_attributes_are_not_believed(
    tmp_path: Path, tiny_dataset: Dataset, name: str, value: object, message: str
) -> None:
    path = tmp_path / "p.h5"
    write(path, tiny_dataset, np.arange(3), make_values(tiny_dataset, 3))
    with h5py.File(path, "a") as file:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value
    seal(path)
    with pytest.raises(SeqcastError, match=f"^{path}: {message}"):
        read_predictions(path)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.integers(0, 14), min_size=2, max_size=15, unique=True))
def test_stitching_is_the_mean_of_all_that_cover_a_bin(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset, rows: list[int]
) -> None:
    path = tmp_path_factory.mktemp("stitch") / "p.h5"
    found = write(path, tiny_dataset, np.array(rows), make_values(tiny_dataset, len(rows)))
    covering = defaultdict(list)
    for place, row in enumerate(rows):
        contig, start, _, _ = tiny_dataset.windows[row]
        first = tiny_dataset.contigs.first_bin[contig] + start // BIN + CROP
        for bin_, value in enumerate(found.read(1)[place]):
            covering[int(first + bin_)].append(float(value))
    stitch = Stitch(found, tiny_dataset)
    assert stitch.bins.tolist() == sorted(covering)
    wanted = [np.mean(covering[bin_]) for bin_ in sorted(covering)]
    np.testing.assert_allclose(stitch.average(found.read(1)), wanted, rtol=1e-12)


def test_a_windows_ends_are_left_to_those_that_see_further() -> None:
    """Of 32 bins two at either side: a network sees nothing beyond its window."""
    windows = SimpleNamespace(rows=np.arange(2), bins=32)
    dataset = SimpleNamespace(first_bin_of=lambda rows: rows * 16)
    stitch = Stitch(windows, dataset)
    assert stitch.bins.tolist() == list(range(48))
    values = np.repeat([[1.0], [3.0]], 32, axis=1)
    wanted = [1.0] * 18 + [2.0] * 12 + [3.0] * 18
    assert stitch.average(values).tolist() == wanted
