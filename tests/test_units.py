"""Units do not matter: coverage times a factor is predictions times that factor, and no other r."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import (
    BIN,
    CROP,
    NETWORK,
    TARGETS,
    WINDOW,
    make_contigs,
    make_task,
    predict,
    write_tiny,
)

from seqcast.data import Dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.evaluate.baselines import write_baseline
from seqcast.evaluate.evaluating import evaluate
from seqcast.evaluate.metrics import Track, evaluate_target
from seqcast.nn import Network
from seqcast.nn.checkpoint import read_model
from seqcast.settings.steps import EvaluateSettings
from seqcast.training import train

CLIPPED = replace(TARGETS, scale=(1.0,) * 3, clip=(6.0, None, 4.0))
# The strands of a pair differ, too. Of powers of two nothing is rounded.
FACTORS = {
    "alike": (128.0, 128.0, 128.0),
    "a thousandfold apart": (1024.0, 1 / 1024, 1.0),
}


def write_times(path: Path, factor: tuple[float, ...], targets=CLIPPED) -> Dataset:
    """Write the tiny dataset, coverage and clips multiplied."""
    contigs = {
        name: (codes, coverage * np.array(factor, np.float32))
        for name, (codes, coverage) in make_contigs().items()
    }
    pairs = zip(targets.clip, factor, strict=True)
    clip = tuple(None if c is None else c * (times or 1) for c, times in pairs)
    return write_tiny(path, contigs, targets=replace(targets, clip=clip))


def train_and_predict(folder: Path, dataset: Dataset, **changes) -> np.ndarray:
    """Train a few steps; returns predictions of the test windows, (windows, bins, targets)."""
    folder.mkdir()
    values = {
        "epochs": 2,
        "batch_size": 2,
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "clip_norm": 1.0,
        "reverse_complement": True,
        "units": "mean",
        **changes,
    }
    task = make_task(folder, dataset, **values)
    train(task)
    codes = np.stack([dataset.codes_of(row) for row in dataset.rows_of("test")])
    return predict(read_model(task.model), codes, both_strands=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, np.ndarray]:
    folder = tmp_path_factory.mktemp("plain")
    dataset = write_times(folder / "d.h5", (1.0, 1.0, 1.0))
    return dataset, train_and_predict(folder / "run", dataset)


@pytest.mark.parametrize("name", FACTORS)
def test_coverage_times_a_factor_is_predictions_times_it(
    tmp_path: Path, plain: tuple[Dataset, np.ndarray], name: str
) -> None:
    dataset = write_times(tmp_path / "d.h5", FACTORS[name])
    found = train_and_predict(tmp_path / "run", dataset)
    np.testing.assert_array_equal(found, plain[1] * np.array(FACTORS[name], np.float32))


def test_a_factor_that_is_rounded_changes_no_more_than_rounding_does(
    tmp_path: Path, plain: tuple[Dataset, np.ndarray]
) -> None:
    dataset = write_times(tmp_path / "d.h5", (100.0, 1 / 300, 1.0))
    found = train_and_predict(tmp_path / "run", dataset)
    np.testing.assert_allclose(found, plain[1] * [100, 1 / 300, 1], rtol=0.01)


def test_a_target_of_zeros_neither_breaks_nor_rules_the_others(tmp_path: Path) -> None:
    dataset = write_times(tmp_path / "d.h5", (1.0, 1.0, 0.0))
    assert dataset.targets.mean[2] == 0
    assert dataset.targets.training_unit[2] == 1
    found = train_and_predict(tmp_path / "run", dataset)
    other = write_times(tmp_path / "other.h5", (64.0, 1.0, 0.0))
    np.testing.assert_array_equal(
        train_and_predict(tmp_path / "other", other), found * np.array([64, 1, 1], np.float32)
    )
    assert np.isfinite(found).all()


def test_the_course_keeps_the_units_of_the_table(tmp_path: Path) -> None:
    dataset = write_times(tmp_path / "d.h5", (128.0, 1.0, 1.0))
    train_and_predict(tmp_path / "run", dataset, units="table", epochs=1)
    targets = read_model(tmp_path / "run" / "model.safetensors").targets
    assert targets.training_unit == (1.0, 1.0, 1.0)
    assert replace(targets, training_unit=dataset.targets.training_unit) == dataset.targets


def test_means_are_of_the_training_bins_each_once(tmp_path: Path) -> None:
    dataset = write_times(tmp_path / "d.h5", (1.0, 1.0, 1.0))
    # Windows of chr1 overlap by half, so that they cover it but for the crop at its ends.
    bins = make_contigs()["chr1"][1][CROP : 1024 // BIN - CROP].astype(np.float64)
    assert dataset.targets.mean == pytest.approx(np.nanmean(bins, axis=0), rel=1e-12)
    seen = np.minimum(bins, [6, np.inf, 4])
    assert dataset.targets.training_unit == pytest.approx(np.nanmean(seen, axis=0), rel=1e-12)
    in_training = dataset.targets.to_training(bins)
    assert np.nanmean(in_training, axis=0) == pytest.approx([1, 1, 1], rel=1e-6)


def test_a_model_predicts_with_its_own_unit() -> None:
    network = Network(NETWORK, replace(TARGETS, training_unit=(8.0, 1.0, 0.25)), CROP)
    codes = np.random.default_rng(1).integers(0, 4, (2, WINDOW), dtype=np.uint8)
    with_units = predict(network, codes)
    network.targets = TARGETS
    np.testing.assert_array_equal(with_units, predict(network, codes) * np.float32([8, 1, 0.25]))


counts = st.lists(st.integers(0, 50), min_size=12, max_size=40)


@given(counts, st.floats(1e-3, 1e3), st.booleans())
def test_no_r_of_a_target_knows_its_units(values: list[int], factor: float, included: bool) -> None:
    rng = np.random.default_rng(len(values))
    observed = np.array(values, np.float64)
    predicted = observed + rng.gamma(1, 3, len(values))
    track = Track(
        predicted,
        observed,
        np.arange(len(values)) // 2,
        2,
        float(observed.mean()),
        clipped=np.minimum(observed, 20),
        replicate=observed // 2,
        included=included,
    )
    arrays = ("predicted", "observed", "train_mean", "clipped", "replicate")
    other = replace(track, **{name: getattr(track, name) * factor for name in arrays})
    rows = [evaluate_target(each, peak_fdr=0.01, draws=20) for each in (track, other)]
    others = ("ratio_of_sums", "pearson_r_log1p_as_read")
    for column in [name for name in rows[0] if "_r" in name and name not in others]:
        assert rows[0][column] == pytest.approx(rows[1][column], rel=1e-6, abs=1e-6, nan_ok=True)


def test_metrics_of_models_and_baselines_keep_their_r(
    tmp_path: Path, plain: tuple[Dataset, np.ndarray]
) -> None:
    factor, tables = (100.0, 1 / 300, 1.0), []
    times = write_times(tmp_path / "times.h5", factor)
    for name, dataset, values in (
        ("plain", plain[0], plain[1]),
        ("times", times, plain[1] * np.float32(factor)),
    ):
        paths = [tmp_path / f"{name}.{part}.h5" for part in ("model", "gc")]
        rows = dataset.rows_of("test")
        with PredictionWriter(paths[0], dataset, rows, model="m", checkpoint_digest="") as out:
            out.add(values)
            out.finish()
        write_baseline("gc", dataset.path, paths[1])
        for path in paths:
            metrics = path.with_suffix(".tsv")
            settings = EvaluateSettings(bootstrap=10)
            windows = path.with_suffix(".windows.tsv")
            evaluate(path, dataset.path, metrics, windows, settings=settings)
            tables.append(pd.read_csv(metrics, sep="\t"))
    columns = [name for name in tables[0] if "pearson" in name or "spearman" in name]
    columns.remove("pearson_r_log1p_as_read")
    for before, after in zip(tables[:2], tables[2:], strict=True):
        np.testing.assert_allclose(before[columns], after[columns], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            after["mean_predicted"], before["mean_predicted"] * np.array(factor), 1e-3
        )
