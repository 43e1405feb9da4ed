"""Write what a baseline predicts, as a model's predictions are written."""

import hashlib
import time
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.evaluate.baselines.features import make_gc_features, make_kmer_features
from seqcast.evaluate.baselines.fitting import fit_dataset, make_window_features
from seqcast.evaluate.baselines.ridge import Ridge

_FEATURES = {"gc": make_gc_features, "kmers": make_kmer_features}


def write_baseline(
    name: Literal["gc", "kmers"],
    dataset_path: Path,
    output: Path,
    *,
    split: str = "test",
    windows: int | None = None,
) -> None:
    """Fit a baseline and write its predictions, in units of the dataset's coverage.

    Predicted are the first `windows` windows of a split, or all. Of a dataset with folds the test
    windows of each fold are, by the regression fitted to that fold, whatever `split` says; the
    file has them in the order of the dataset.
    """
    start = time.monotonic()
    ridges = fit_dataset(dataset_path, _FEATURES[name], f"fit {name}")
    for fold, ridge in enumerate(ridges):
        _log_fit(f"{name}, fold {fold + 1}" if len(ridges) > 1 else name, ridge)
    dataset = read_dataset(dataset_path)
    rows, fold_of = _choose_rows(dataset, split, windows)
    digest = hashlib.sha256("".join(ridge.digest for ridge in ridges).encode()).hexdigest()
    with (
        PredictionWriter(output, dataset, rows, model=name, checkpoint_digest=digest) as out,
        progress(len(rows), f"predict {name}", "windows") as bar,
    ):
        for row, fold in zip(rows, fold_of, strict=True):
            bins = dataset.first_bin_of(np.array([row])) + np.arange(dataset.output_bins)
            features = make_window_features(dataset, bins, _FEATURES[name])
            # Fitted in units of the mean: coverage of any unit gives the same logarithms.
            predicted = ridges[fold].predict(features) * dataset.targets.mean_T
            out.add(predicted[None].astype(np.float32))
            bar.update(1)
        out.finish()
    seconds = format_seconds(time.monotonic() - start)
    log.info("%s: fitted and predicted %d windows in %s", name, len(rows), seconds)


def _choose_rows(
    dataset: Dataset, split: str, windows: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to predict, ascending, and the fold whose regression predicts each."""
    if dataset.folds == 1:
        rows = dataset.rows_of(split)[:windows]
        return rows, np.zeros(len(rows), dtype=int)
    tested = [
        read_dataset(dataset.path, fold).rows_of("test")[:windows] for fold in range(dataset.folds)
    ]
    fold_of = np.repeat(np.arange(dataset.folds), [len(rows) for rows in tested])
    rows, first = np.unique(np.concatenate(tested), return_index=True)
    return rows, fold_of[first]


def _log_fit(title: str, ridge: Ridge) -> None:
    """Say how well the bins of the valid split were predicted, and which lambda was taken."""
    known = ridge.valid_r_T[~np.isnan(ridge.valid_r_T)]
    taken = Counter(ridge.strength_T.tolist())
    log.info(
        "%s: r of log1p on the valid split %s (mean of %d targets); lambda %s",
        title,
        f"{known.mean():.3f}" if known.size else "unknown",
        known.size,
        ", ".join(f"{strength:g} for {taken[strength]}" for strength in sorted(taken)),
    )
    if unknown := int((ridge.lowest_T == 0).sum()):
        log.warning(
            "%s: %d targets have nothing above 0 to be fitted to: predicted as 0", title, unknown
        )
