"""Evaluate predictions: `metrics.tsv`, a row a target, and `windows.tsv`, a row a window."""

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.console import log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.metrics import evaluate_target, window_pearson_r
from seqcast.predictions import Predictions, Stitch, read_predictions
from seqcast.truth import read_truth


def evaluate(
    predictions_path: Path,
    dataset_path: Path,
    metrics_path: Path,
    windows_path: Path,
    *,
    truth_path: Path | None = None,
) -> None:
    """Compare predictions with what was observed and write both tables.

    Overlapping windows are averaged first, so that each bin counts once; units are the dataset's.
    """
    dataset = read_dataset(dataset_path)
    predictions = read_predictions(predictions_path, dataset)
    rates = read_truth(truth_path) if truth_path else None
    stitch = Stitch(predictions, dataset)
    train_means = _train_means(dataset)
    rows = []
    with progress(len(dataset.targets), "evaluate", "targets") as bar:
        for index, name in enumerate(dataset.targets.identifier):
            metrics = evaluate_target(
                name,
                stitch.average(predictions.read(index)),
                np.asarray(dataset.coverage[stitch.bins, index]),
                train_mean=train_means[index],
                rate=rates[stitch.bins, index] if rates is not None else None,
            )
            rows.append(asdict(metrics))
            bar.update(1)
    table = pd.DataFrame(rows)
    _write_table(table, metrics_path)
    _write_table(_evaluate_windows(predictions, dataset), windows_path)
    _summarise(table)


def _train_means(dataset: Dataset) -> np.ndarray:
    """Return each target's mean over the known bins of the training windows, each bin once."""
    first = dataset.first_bin_of(dataset.rows_of("train"))
    covered = np.zeros(len(dataset.coverage), dtype=bool)
    for start in first:
        covered[start : start + dataset.output_bins] = True
    total = np.zeros(len(dataset.targets))
    count = np.zeros(len(dataset.targets))
    rows = np.flatnonzero(covered)
    for part in np.array_split(rows, max(1, len(rows) // 65_536)):
        values = np.asarray(dataset.coverage[part], dtype=np.float64)
        total += np.nansum(values, axis=0)
        count += (~np.isnan(values)).sum(axis=0)
    return total / np.maximum(count, 1)


def _evaluate_windows(predictions: Predictions, dataset: Dataset) -> pd.DataFrame:
    r = [
        window_pearson_r(predictions.read_window(place), dataset.coverage_of(row))
        for place, row in enumerate(predictions.rows)
    ]
    return pd.DataFrame(
        {
            "place": np.arange(len(predictions.rows)),
            "contig": predictions.contig,
            "start": predictions.start,
            "end": predictions.end,
            "pearson_r": r,
        }
    )


def _write_table(table: pd.DataFrame, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    table.to_csv(partial, sep="\t", index=False, float_format="%.6g", na_rep="nan")
    os.replace(partial, path)


def _summarise(table: pd.DataFrame) -> None:
    shown = table[["target", "pearson_r", "pearson_r_log1p", "spearman_r", "r2", "poisson_loss"]]
    for line in shown.to_string(index=False, float_format="%.3f", max_rows=24).splitlines():
        log.info("%s", line)
    log.info(
        "mean over %d targets: r %.3f, r of log1p %.3f",
        len(table),
        table["pearson_r"].mean(),
        table["pearson_r_log1p"].mean(),
    )
