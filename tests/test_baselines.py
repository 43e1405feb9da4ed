"""Baselines count what they say, are fitted as scikit-learn would, and never see the test split."""

import gzip
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyBigWig
import pytest
from broken_files import find_data
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.preprocessing import StandardScaler
from tiny import BIN, LENGTHS, SOURCE, TARGETS, make_all_windows, make_contigs, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data import (
    Contigs,
    Dataset,
    DatasetWriter,
    make_folds,
    make_windows,
    read_dataset,
)
from seqcast.data.predictions import Predictions, Stitch, read_predictions
from seqcast.data.targets import Targets
from seqcast.evaluate.baselines import (
    KMER_FEATURES,
    STRENGTHS,
    Moments,
    fit_ridge,
    fitting,
    make_gc_features,
    make_kmer_features,
    write_baseline,
)
from seqcast.evaluate.baselines.fitting import MakeFeatures
from seqcast.evaluate.metrics import pearson_r
from seqcast.genome.codes import decode, encode

# Where each column's window lies: lengths of k-mers, and its edges from the bin's start and end.
WINDOWS = (
    ((1, 2, 3, 4), lambda start, end: (start, end)),
    *(
        ((1, 2, 3), lambda start, _, near=near, far=far: (start - far, start - near))
        for near, far in ((0, 128), (128, 384), (384, 1024))
    ),
    *(
        ((1, 2, 3), lambda _, end, near=near, far=far: (end + near, end + far))
        for near, far in ((0, 128), (128, 384), (384, 1024))
    ),
    ((4,), lambda start, end: (2 * start - end, start)),
    ((4,), lambda start, end: (end, 2 * end - start)),
)


def count_by_hand(letters: str, start: int, end: int) -> list[int]:
    """Count with dictionaries what `make_kmer_features` counts with sums."""
    counts = []
    for lengths, place in WINDOWS:
        low, high = place(start, end)
        for k in lengths:
            kmers = {"".join(kmer): 0 for kmer in itertools.product("ACGT", repeat=k)}
            for begin in range(max(low, 0), min(high, len(letters) - k + 1)):
                if letters[begin : begin + k] in kmers:
                    kmers[letters[begin : begin + k]] += 1
            counts += kmers.values()
    return counts


def make_codes(length: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).choice(5, length, p=[0.28, 0.2, 0.2, 0.3, 0.02]).astype("u1")


@pytest.mark.parametrize(("length", "bin_size"), [(2900, 128), (1500, 100), (600, 300), (3, 16)])
def test_kmers_are_counted_as_by_hand(length: int, bin_size: int) -> None:
    codes = make_codes(length)
    counted = make_kmer_features(codes, bin_size)
    assert counted.dtype == np.float32
    assert counted.shape == (-(-length // bin_size), KMER_FEATURES) == (len(counted), 1356)
    for place in {0, len(counted) // 2, len(counted) - 1}:
        wanted = count_by_hand(decode(codes), place * bin_size, (place + 1) * bin_size)
        np.testing.assert_array_equal(counted[place], wanted)


@given(st.integers(0, 4000), st.sampled_from([16, 100, 128]), st.data())
def test_some_bins_are_those_of_all(length: int, bin_size: int, data: st.DataObject) -> None:
    codes = make_codes(length)
    bins = -(-length // bin_size)
    first = data.draw(st.integers(0, bins))
    count = data.draw(st.integers(0, bins - first))
    for make_features in (make_kmer_features, make_gc_features):
        everything = make_features(codes, bin_size)
        assert len(everything) == bins
        some = make_features(codes, bin_size, first, count)
        np.testing.assert_array_equal(some, everything[first : first + count])


@given(st.integers(0, 100), st.integers(0, 20), st.sampled_from([16, 100, 128]))
def test_the_same_dna_has_the_same_features_wherever_it_lies(
    before: int, after: int, bin_size: int
) -> None:
    inner, reach = make_codes(1500), -(-1024 // bin_size)
    around = make_codes((before + after) * bin_size, seed=3)
    codes = np.concatenate([around[: before * bin_size], inner, around[before * bin_size :]])
    for make_features in (make_kmer_features, make_gc_features):
        here = make_features(inner, bin_size)[reach:-reach]
        first = before + reach
        np.testing.assert_array_equal(make_features(codes, bin_size, first, len(here)), here)


class Chromosome:
    """A long chromosome that counts the bases that are read of it."""

    def __init__(self, size: int) -> None:
        self.size, self.read = size, 0

    def __getitem__(self, part: slice) -> np.ndarray:
        start, end, _ = part.indices(self.size)
        self.read += end - start
        return np.zeros(end - start, dtype=np.uint8)


@pytest.mark.parametrize("make_features", [make_kmer_features, make_gc_features])
def test_bins_far_down_a_chromosome_cost_what_the_first_do(make_features: MakeFeatures) -> None:
    chromosome: Any = Chromosome(10_000_000)
    make_features(chromosome, 128, 78_000, 10)
    assert 10 * 128 <= chromosome.read <= 10 * 128 + 2 * 1024 + 3


def test_gc_is_a_share_of_what_is_known() -> None:
    shares = make_gc_features(encode("GCAT" + "GNNN" + "NNNN" + "AC"), 4)
    assert shares[:, 0].tolist() == [0.5, 1.0, 0.0, 0.5]
    assert shares.dtype == np.float32


def make_regression(bins: int = 400, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Make features that are not alike and two targets that follow from them, with noise."""
    rng = np.random.default_rng(seed)
    features = rng.poisson([1, 5, 20, 3, 8], (bins, 5)).astype(float)
    logs = features @ [[0.2, 0], [0.1, 0.1], [-0.02, 0], [0, 0.3], [0, 0]] + rng.normal(
        size=(bins, 1)
    )
    return features, np.expm1(np.maximum(logs, 0.1))


def test_the_fit_is_scikit_learns() -> None:
    (x, coverage), (valid_x, valid_coverage) = make_regression(), make_regression(90, seed=4)
    ridge = fit_ridge(Moments.from_bins(x, coverage), Moments.from_bins(valid_x, valid_coverage))
    both = np.concatenate([x, valid_x])
    for target in range(2):
        y, valid_y = np.log1p(coverage[:, target]), np.log1p(valid_coverage[:, target])
        scaler = StandardScaler().fit(x)
        r = {
            strength: pearson_r(
                SklearnRidge(alpha=strength)
                .fit(scaler.transform(x), y)
                .predict(scaler.transform(valid_x)),
                valid_y,
            )
            for strength in STRENGTHS
        }
        best = max(r, key=r.__getitem__)
        assert ridge.strength_T[target] == best
        assert ridge.valid_r_T[target] == pytest.approx(r[best])
        scaler.fit(both)
        last = SklearnRidge(alpha=best).fit(scaler.transform(both), np.append(y, valid_y))
        wanted = np.expm1(np.maximum(last.predict(scaler.transform(both)), 0))
        np.testing.assert_allclose(ridge.predict(both)[:, target], wanted, rtol=1e-4, atol=0.01)


def test_portions_add_up() -> None:
    x, coverage = make_regression()
    whole = Moments.from_bins(x, coverage)
    parts = Moments.from_bins(x[:7], coverage[:7]) + Moments.from_bins(x[7:], coverage[7:])
    assert parts.count == whole.count
    for name, values in vars(whole).items():
        np.testing.assert_allclose(getattr(parts, name), values, err_msg=name)


def test_what_tells_nothing_counts_for_nothing() -> None:
    x, coverage = make_regression()
    x[:, 1], coverage[:, 0] = 7, 0
    moments = Moments.from_bins(x, coverage)
    ridge = fit_ridge(moments, moments)
    assert ridge.weights_FT[1].tolist() == [0, 0]
    assert np.isnan(ridge.valid_r_T[0])
    predicted = ridge.predict(x * 1000)
    assert np.isfinite(predicted).all()
    assert set(predicted[:, 0]) == {0}
    # Far from all that was fitted, predictions stay near it, and above 0.
    assert predicted[:, 1].max() <= 10.001 * coverage[:, 1].max()
    assert predicted[:, 1].min() > 0


def test_single_feature_takes_the_least_lambda() -> None:
    x, coverage = make_regression()
    moments = Moments.from_bins(x[:, :1], coverage)
    assert fit_ridge(moments, moments).strength_T.tolist() == [10, 10]


def write_and_read(name: str, dataset: Dataset, path: Path, **options: object) -> Predictions:
    write_baseline(name, dataset.path, path, **options)
    return read_predictions(path, dataset)


@pytest.mark.parametrize("name", ["gc", "kmers"])
def test_test_windows_are_predicted(name: str, tmp_path: Path) -> None:
    dataset = write_tiny(tmp_path / "dataset.h5")
    predictions = write_and_read(name, dataset, tmp_path / "predictions.h5")
    assert predictions.model == name
    assert len(predictions.checkpoint_digest) == 64
    np.testing.assert_array_equal(predictions.rows, dataset.rows_of("test"))
    stitch = Stitch(predictions, dataset)
    for target in range(3):
        predicted = stitch.average(predictions.read(target))
        observed = dataset.read_bins(stitch.bins, target)
        known = ~np.isnan(observed)
        # The tiny tracks follow from G and C in the bin.
        assert pearson_r(np.log1p(predicted[known]), np.log1p(observed[known])) > 0.5


def test_rows_are_those_asked_for(tmp_path: Path, tiny_dataset: Dataset) -> None:
    predictions = write_and_read(
        "gc", tiny_dataset, tmp_path / "predictions.h5", split="all", windows=9
    )
    np.testing.assert_array_equal(predictions.rows, np.arange(9))


def test_coverage_of_the_test_split_is_not_seen(tmp_path: Path) -> None:
    contigs = make_contigs()
    first = write_tiny(tmp_path / "first.h5", contigs)
    contigs["chr3"] = (contigs["chr3"][0], contigs["chr3"][1] * 7 + 1)
    second = write_tiny(tmp_path / "second.h5", contigs)
    before = write_and_read("kmers", first, tmp_path / "before.h5")
    after = write_and_read("kmers", second, tmp_path / "after.h5")
    assert before.checkpoint_digest == after.checkpoint_digest
    np.testing.assert_array_equal(before.read(0), after.read(0))
    contigs["chr2"] = (contigs["chr2"][0], contigs["chr2"][1][::-1].copy())
    third = write_tiny(tmp_path / "third.h5", contigs)
    changed = write_and_read("kmers", third, tmp_path / "changed.h5")
    assert changed.checkpoint_digest != before.checkpoint_digest


def write_folds(path: Path, contigs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Dataset:
    lengths = {name: codes.size for name, (codes, _) in contigs.items()}
    layout = Contigs.from_lengths(lengths, BIN)
    with DatasetWriter(path, contigs=layout, targets=TARGETS, bin_size=BIN) as writer:
        for codes, coverage in contigs.values():
            writer.add_contig(codes, coverage)
        # Parts do not come in the order of the rows.
        windows = make_all_windows()
        windows["split"] = np.array([2, 0, 1])[windows["contig"]]
        writer.finish(windows, SOURCE, folds=make_folds(3))
    return read_dataset(path)


def test_folds_predict_all_from_what_was_not_seen(tmp_path: Path) -> None:
    contigs = make_contigs()
    dataset = write_folds(tmp_path / "dataset.h5", contigs)
    predictions = write_and_read("gc", dataset, tmp_path / "predictions.h5")
    np.testing.assert_array_equal(predictions.rows, np.arange(len(dataset.windows)))
    contig = dataset.windows["contig"]
    for place, name in enumerate(LENGTHS):
        codes, coverage = contigs[name]
        # The mean, which is over all windows as a model's is, stays.
        coverage = np.concatenate([coverage[31::-1], coverage[32:]])
        changed = write_folds(tmp_path / f"{name}.h5", {**contigs, name: (codes, coverage)})
        other = write_and_read("gc", changed, tmp_path / f"{name}.predictions.h5")
        same = [
            np.array_equal(*pair) for pair in zip(predictions.read(0), other.read(0), strict=True)
        ]
        np.testing.assert_array_equal(same, contig == place)
    some = write_and_read("gc", dataset, tmp_path / "some.h5", windows=2)
    assert np.bincount(contig[some.rows]).tolist() == [2, 2, 2]


def test_targets_may_know_different_bins(tmp_path: Path) -> None:
    contigs = make_contigs()
    for _, coverage in contigs.values():
        coverage[::2, 0], coverage[1::2, 1], coverage[:, 2] = np.nan, np.nan, np.nan
    dataset = write_tiny(tmp_path / "dataset.h5", contigs)
    predictions = write_and_read("gc", dataset, tmp_path / "predictions.h5")
    assert set(predictions.read(2).ravel()) == {0}
    stitch = Stitch(predictions, dataset)
    for target in range(2):
        observed = dataset.read_bins(stitch.bins, target)
        known = ~np.isnan(observed)
        assert pearson_r(stitch.average(predictions.read(target))[known], observed[known]) > 0.5


def test_large_datasets_are_thinned(
    tmp_path: Path, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_and_read("gc", tiny_dataset, tmp_path / "whole.h5")
    monkeypatch.setattr(fitting, "_PIECE", 4)
    in_pieces = write_and_read("gc", tiny_dataset, tmp_path / "pieces.h5")
    np.testing.assert_allclose(in_pieces.read(0), whole.read(0), rtol=1e-5)
    monkeypatch.setattr(fitting, "MOST_BINS", 20)
    some, again = (write_and_read("gc", tiny_dataset, tmp_path / name) for name in ("a.h5", "b.h5"))
    assert some.checkpoint_digest == again.checkpoint_digest != in_pieces.checkpoint_digest
    pieces = fitting._find_pieces(tiny_dataset, tiny_dataset.rows_of("train"))
    assert sum(len(piece) for piece in fitting._choose_pieces(pieces)) in range(16, 21)


def test_windows_each_with_a_contig_of_its_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    contigs = {}
    for place in range(9):
        codes = rng.integers(0, 4, 256).astype(np.uint8)
        strong = ((codes == 1) | (codes == 2)).reshape(-1, BIN).sum(axis=1)
        contigs[f"w{place}"] = (codes, np.tile(strong[:, None] ** 2, 3).astype(np.float32))
    windows = np.concatenate(
        [make_windows([place], [0], 256, place % 3) for place in range(len(contigs))]
    )
    dataset = write_tiny(tmp_path / "dataset.h5", contigs, windows=windows, crop=0)
    predictions = write_and_read("gc", dataset, tmp_path / "predictions.h5")
    observed = np.stack([dataset.coverage_of(row)[:, 0] for row in predictions.rows])
    assert pearson_r(predictions.read(0).ravel(), observed.ravel()) > 0.95


def test_without_valid_windows_there_is_no_fit(tmp_path: Path) -> None:
    windows = make_all_windows()
    windows = windows[windows["split"] != 1]
    dataset = write_tiny(tmp_path / "dataset.h5", windows=windows)
    with pytest.raises(SeqcastError, match="has no valid windows"):
        write_baseline("gc", dataset.path, tmp_path / "predictions.h5")
    assert not list(tmp_path.glob("predictions.h5*"))


# Published with the data: r of log1p, r, and r of log1p from GC alone, on chrXVI.
YEAST = {
    "atac_all": (0.532, 0.530, 0.314),
    "atac_nfr": (0.474, 0.302, 0.187),
    "atac_mono": (0.478, 0.539, 0.268),
    "atac_cuts": (0.615, 0.646, 0.281),
    "stripe_wt_plus": (0.535, 0.431, 0.005),
    "stripe_wt_minus": (0.539, 0.291, 0.020),
    "stripe_diamide_plus": (0.571, 0.347, 0.058),
    "stripe_diamide_minus": (0.595, 0.315, 0.072),
}


@pytest.mark.slow
def test_yeast_gives_the_known_figures(tmp_path: Path) -> None:
    dataset = write_yeast(tmp_path / "dataset.h5")
    # These figures are of log(1 + sum of the bin), of counts as they are.
    dataset = replace(dataset, targets=replace(dataset.targets, mean=()))
    with h5py.File(dataset.path, "r+") as file:
        file.attrs["targets"] = dataset.targets.to_json()
    seal(dataset.path)
    kmers, gc = (write_and_read(name, dataset, tmp_path / f"{name}.h5") for name in ("kmers", "gc"))
    stitch, found = Stitch(kmers, dataset), {}
    for target, name in enumerate(YEAST):
        observed = dataset.read_bins(stitch.bins, target)
        known = ~np.isnan(observed)
        by_kmers, by_gc = (stitch.average(each.read(target))[known] for each in (kmers, gc))
        logs = np.log1p(observed[known])
        found[name] = (
            pearson_r(np.log1p(by_kmers), logs),
            pearson_r(by_kmers, observed[known]),
            pearson_r(np.log1p(by_gc), logs),
        )
    print({name: np.round(r, 3).tolist() for name, r in found.items()})
    np.testing.assert_allclose(list(found.values()), list(YEAST.values()), atol=0.02)


def write_yeast(path: Path) -> Dataset:
    """Write eight tracks of yeast at 128 bp: valid chrII, test chrXVI, without chrM."""
    text = gzip.decompress(find_data("yeast/sacCer3.fa.gz").read_bytes())
    records = [record.partition(b"\n") for record in text.split(b">")[1:]]
    codes = {name.split()[0].decode(): encode(dna.replace(b"\n", b"")) for name, _, dna in records}
    del codes["chrM"]
    tracks = [pyBigWig.open(str(find_data(f"yeast/tracks/{name}.bw"))) for name in YEAST]
    mask = [
        (fields[0], int(fields[1]) // 128, -(-int(fields[2]) // 128))
        for fields in map(
            str.split, find_data("yeast/annotation/shorkie_mask_rossi.bed").read_text().splitlines()
        )
    ]
    lengths = {name: each.size for name, each in codes.items()}
    targets, layout = Targets.from_names(list(YEAST)), Contigs.from_lengths(lengths, 128)
    windows = []
    with DatasetWriter(path, contigs=layout, targets=targets, bin_size=128) as writer:
        for place, (name, length) in enumerate(lengths.items()):
            coverage = np.zeros((-(-length // 128) * 128, len(tracks)))
            for target, track in enumerate(tracks):
                coverage[:length, target] = np.nan_to_num(track.values(name, 0, length, numpy=True))
            coverage = coverage.reshape(-1, 128, len(tracks)).sum(axis=1)
            for _, first, last in (each for each in mask if each[0] == name):
                coverage[first:last] = np.nan
            writer.add_contig(codes[name], coverage)
            last = (length - 16_384) // 128 * 128
            starts = np.unique([*range(0, last, 8192), last])
            split = {"chrII": "valid", "chrXVI": "test"}.get(name, "train")
            windows.append(make_windows([place] * len(starts), starts, 16_384, split))
        writer.finish(np.concatenate(windows), {"kind": "genome", "has_coordinates": True})
    return read_dataset(path)
