"""Replicates become a mean with its spread, folds one prediction of every window."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import BIN, CROP, SOURCE, TARGETS, make_all_windows, make_contigs, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.data import Contigs, Dataset, DatasetWriter, make_folds, read_dataset
from seqcast.data.predictions import Predictions, PredictionWriter, read_predictions
from seqcast.predict.combining import combine_predictions

FOLDS = 3
Members = dict[tuple[int, int], Path]


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Write the tiny dataset with a fold a contig, its windows in no order."""
    path, contigs = tmp_path_factory.mktemp("folded") / "dataset.h5", make_contigs()
    layout = Contigs.from_lengths({name: len(codes) for name, (codes, _) in contigs.items()}, BIN)
    windows = np.random.default_rng(5).permutation(make_all_windows())
    with DatasetWriter(path, contigs=layout, targets=TARGETS, bin_size=BIN, crop=CROP) as writer:
        for codes, coverage in contigs.values():
            writer.add_contig(codes, coverage)
        writer.finish(windows, SOURCE, folds=make_folds(FOLDS))
    return read_dataset(path)


def write_member(path: Path, dataset: Dataset, rows: np.ndarray, seed: int) -> np.ndarray:
    """Write what a member predicts of these rows, and return it."""
    shape = (len(rows), dataset.output_bins, len(dataset.targets))
    values = np.random.default_rng(seed).gamma(1, 5, shape).astype(np.float32)
    options = {"model": path.stem, "checkpoint_digest": path.stem}
    places = np.array([len(rows) - 1, 0])
    with PredictionWriter(path, dataset, rows, **options, control=places) as out:
        out.add(values)
        out.add_control(values[places] + 1)
        out.finish()
    return values


def write_folds(folder: Path, dataset: Dataset, replicates: int) -> Members:
    members = {}
    for fold in range(FOLDS):
        here = read_dataset(dataset.path, fold)
        for replicate in range(replicates):
            path = members[fold, replicate] = folder / f"a.f{fold}.r{replicate}.h5"
            write_member(path, here, here.rows_of("test"), 10 * fold + replicate)
    return members


def combine(members: Members, dataset: Dataset, folder: Path) -> Predictions:
    combine_predictions(members, dataset.path, folder / "all.h5", model="a")
    return read_predictions(folder / "all.h5", dataset)


def read(found: Predictions) -> np.ndarray:
    """Return what is predicted, (windows, bins, targets)."""
    return found.read_windows(np.arange(len(found.rows)))


@settings(max_examples=20)
@given(replicates=st.integers(2, 5), seed=st.integers(0, 1000))
def test_replicates_become_mean_and_spread(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset, replicates: int, seed: int
) -> None:
    folder, rows = tmp_path_factory.mktemp("combine"), tiny_dataset.rows_of("valid")
    paths, values = [folder / f"a.r{each}.h5" for each in range(replicates)], []
    for place, path in enumerate(paths):
        # Members need not hold their windows in the same order.
        order = np.random.default_rng([seed, place]).permutation(len(rows))
        values.append(
            write_member(path, tiny_dataset, rows[order], seed + place)[np.argsort(order)]
        )
    found = combine({(0, place): path for place, path in enumerate(paths)}, tiny_dataset, folder)
    assert found.rows.tolist() == rows.tolist()
    assert (found.model, found.has_spread) == ("a", True)
    wide = np.array(values, dtype=np.float64)
    np.testing.assert_allclose(read(found), wide.mean(axis=0), rtol=1e-6)
    spread = np.moveaxis(found.read_spread(slice(None)), 0, 2)
    np.testing.assert_allclose(spread, wide.std(axis=0, ddof=1), rtol=1e-6)
    # The control is the first member's, whatever the order of its windows.
    control = read_predictions(paths[0]).control
    assert found.control.rows.tolist() == control.rows.tolist()
    assert found.control.contig == control.contig
    assert np.array_equal(read(found.control), read(control))
    digests = "".join(path.stem for path in paths)
    assert found.checkpoint_digest == hashlib.sha256(digests.encode()).hexdigest()


def test_folds_cover_every_window_once(tmp_path: Path, folded: Dataset) -> None:
    members = write_folds(tmp_path, folded, 1)
    found = combine(members, folded, tmp_path)
    assert found.rows.tolist() == list(range(len(folded.windows)))
    assert not found.has_spread
    # Each window comes from the fold that has it as test, where no model was fitted to it.
    for (fold, _), path in members.items():
        rows = read_dataset(folded.path, fold).rows_of("test")
        assert np.flatnonzero(found.folds == fold).tolist() == rows.tolist()
        assert np.array_equal(read(found)[rows], read(read_predictions(path)))


def test_folds_of_replicates_are_averaged_fold_by_fold(tmp_path: Path, folded: Dataset) -> None:
    members = write_folds(tmp_path, folded, 2)
    found = combine(members, folded, tmp_path)
    for fold in range(FOLDS):
        paths = [members[fold, replicate] for replicate in range(2)]
        both = [read(read_predictions(path)).astype(np.float64) for path in paths]
        rows = np.flatnonzero(found.folds == fold)
        np.testing.assert_allclose(read(found)[rows], np.mean(both, axis=0), rtol=1e-6)
        wanted = np.abs(both[0] - both[1]) / np.sqrt(2)
        spread = np.moveaxis(found.read_spread(slice(None)), 0, 2)[rows]
        np.testing.assert_allclose(spread, wanted, rtol=1e-5, atol=1e-6)


def test_windows_that_a_fold_was_trained_on_are_left_aside(tmp_path: Path, folded: Dataset) -> None:
    members = write_folds(tmp_path, folded, 1)
    second = read_dataset(folded.path, 1)
    values = write_member(members[1, 0], second, second.rows_of("all"), 99)
    found = combine(members, folded, tmp_path)
    assert np.flatnonzero(found.folds == 1).tolist() == second.rows_of("test").tolist()
    assert np.array_equal(read(found)[found.folds == 1], values[second.rows_of("test")])


def test_members_that_lack_windows_are_refused(tmp_path: Path, folded: Dataset) -> None:
    members = write_folds(tmp_path, folded, 2)
    third = read_dataset(folded.path, 2)
    rows = third.rows_of("test")
    write_member(members[2, 1], third, rows[:-2], 7)
    with pytest.raises(SeqcastError, match=rf"a\.f2\.r1\.h5: lacks 2 of the {len(rows)} windows"):
        combine(members, folded, tmp_path)
    assert not list(tmp_path.glob("all*"))


def test_replicates_of_different_windows_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    paths = [tmp_path / "a.r1.h5", tmp_path / "a.r2.h5"]
    for path, rows in zip(paths, ([1, 2, 3], [2, 3]), strict=True):
        write_member(path, tiny_dataset, np.array(rows), 1)
    wanted = r"a\.r2\.h5: lacks 1 of the 3 windows of all replicates, the first at chr1:160-352"
    with pytest.raises(SeqcastError, match=wanted):
        combine({(0, place): path for place, path in enumerate(paths)}, tiny_dataset, tmp_path)


def test_members_of_another_fold_are_refused(tmp_path: Path, folded: Dataset) -> None:
    members = write_folds(tmp_path, folded, 1)
    members[0, 0], members[1, 0] = members[1, 0], members[0, 0]
    with pytest.raises(
        SeqcastError, match=r"a\.f1\.r0\.h5: was predicted in fold 2, wanted fold 1"
    ):
        combine(members, folded, tmp_path)


def test_members_of_other_data_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    other = write_tiny(tmp_path / "other.h5", make_contigs(seed=2))
    paths = [tmp_path / "a.r1.h5", tmp_path / "a.r2.h5"]
    for path, dataset in zip(paths, (tiny_dataset, other), strict=True):
        write_member(path, dataset, np.arange(3), 1)
    with pytest.raises(SeqcastError, match=r"a\.r2\.h5: was predicted from a dataset with digest"):
        combine({(0, place): path for place, path in enumerate(paths)}, tiny_dataset, tmp_path)


@pytest.mark.parametrize("lost", [[(1, 1)], [(2, 0), (2, 1)], [(0, 0)]])
def test_every_fold_has_as_many_replicates(
    tmp_path: Path, folded: Dataset, lost: list[tuple[int, int]]
) -> None:
    members = write_folds(tmp_path, folded, 2)
    for each in lost:
        del members[each]
    with pytest.raises(ValueError, match=r"wanted \(fold, replicate\) \[\(0, 0\), \(0, 1\)"):
        combine(members, folded, tmp_path)


def test_there_are_members(tmp_path: Path, tiny_dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"members are \[\]"):
        combine({}, tiny_dataset, tmp_path)
