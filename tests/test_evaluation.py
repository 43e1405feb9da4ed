"""The tables of metrics say what the predictions' file and the dataset say."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from tiny import BIN, CROP, WINDOW

from seqcast.dataset import Dataset
from seqcast.evaluation import evaluate
from seqcast.metrics import TargetMetrics, evaluate_target, window_pearson_r
from seqcast.predictions import Predictions, PredictionWriter, Stitch, read_predictions


@pytest.fixture
def predictions(tmp_path: Path, tiny_dataset: Dataset) -> Predictions:
    rows = tiny_dataset.rows_of("valid")
    rng = np.random.default_rng(2)
    values = rng.gamma(1, 5, (len(rows), tiny_dataset.output_bins, 3)).astype(np.float32)
    options = {"model": "a", "checkpoint_digest": ""}
    with PredictionWriter(tmp_path / "p.h5", tiny_dataset, rows, **options) as out:
        out.add(values)
        out.finish()
    return read_predictions(tmp_path / "p.h5")


def run(folder: Path, dataset: Dataset, truth: Path | None = None) -> list[pd.DataFrame]:
    paths = [folder / "metrics.tsv", folder / "windows.tsv"]
    evaluate(folder / "p.h5", dataset.path, *paths, truth_path=truth)
    assert not list(folder.glob("*.partial"))
    return [pd.read_csv(path, sep="\t") for path in paths]


def make_train_mean(dataset: Dataset, target: int) -> float:
    """Average the bins that any training window predicts, each once, by hand."""
    bins = set()
    for row in dataset.rows_of("train"):
        contig, start, end, _ = dataset.windows[row]
        first = int(dataset.contigs.first_bin[contig])
        bins |= set(range(first + start // BIN + CROP, first + end // BIN - CROP))
    return float(np.nanmean(dataset.coverage[sorted(bins), target].astype(np.float64)))


def test_a_row_a_target(tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions) -> None:
    table, _ = run(tmp_path, tiny_dataset)
    assert tuple(table.columns) == tuple(TargetMetrics.__dataclass_fields__)
    assert tuple(table["target"]) == tiny_dataset.targets.identifier
    stitch = Stitch(predictions, tiny_dataset)
    for index, row in enumerate(table.to_dict("records")):
        wanted = evaluate_target(
            row["target"],
            stitch.average(predictions.read(index)),
            np.asarray(tiny_dataset.coverage[stitch.bins, index]),
            train_mean=make_train_mean(tiny_dataset, index),
        )
        for name, value in vars(wanted).items():
            if name != "target":
                assert row[name] == pytest.approx(value, rel=1e-5, nan_ok=True), name
    # chr2 has 3 windows' worth of bins less the crop, and two or three unknown ones among them.
    assert table["bins"].tolist() == [42, 41, 42]


def test_a_row_a_window(tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions) -> None:
    _, table = run(tmp_path, tiny_dataset)
    assert table["place"].tolist() == list(range(5))
    assert set(table["contig"]) == {"chr2"}
    assert table["start"].tolist() == [128 * k + CROP * BIN for k in range(5)]
    assert (table["end"] - table["start"]).unique().tolist() == [WINDOW - 2 * CROP * BIN]
    wanted = [
        window_pearson_r(predictions.read_window(place), tiny_dataset.coverage_of(row))
        for place, row in enumerate(predictions.rows)
    ]
    np.testing.assert_allclose(table["pearson_r"], wanted, rtol=1e-5)


def test_the_truth_is_the_ceiling(
    tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions
) -> None:
    rate = np.random.default_rng(3).gamma(1, 1, tiny_dataset.coverage.shape).astype(np.float32)
    with h5py.File(tmp_path / "truth.h5", "w") as file:
        file["rate"] = rate
    table, _ = run(tmp_path, tiny_dataset, tmp_path / "truth.h5")
    bins = Stitch(predictions, tiny_dataset).bins
    observed = tiny_dataset.coverage[bins, 0]
    known = ~np.isnan(observed)
    wanted = np.corrcoef(rate[bins, 0][known], observed[known])[0, 1]
    assert table["ceiling_pearson_r"][0] == pytest.approx(wanted, rel=1e-5)
    assert run(tmp_path, tiny_dataset)[0]["ceiling_pearson_r"].isna().all()
