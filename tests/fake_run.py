"""A run that never was: a dataset with peaks, predictions of it, and the tables beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.data import (
    Contigs,
    Dataset,
    DatasetWriter,
    make_folds,
    make_windows,
    read_dataset,
)
from seqcast.data.predictions import Predictions, PredictionWriter, Stitch, read_predictions
from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import DEFINITIONS
from seqcast.report.results import ModelFiles

BIN = 128


def _peaks(rng: np.random.Generator, bins: int, targets: int) -> np.ndarray:
    """Make a noiseless rate, (bins, targets): a low ground with peaks that targets share."""
    rate = np.full((bins, targets), 0.6)
    position = np.arange(bins)[:, None]
    for _ in range(max(bins // 40, 3)):
        centre, width = rng.integers(bins), rng.uniform(1.2, 4)
        height = rng.gamma(2.0, 12.0, targets) * (rng.random(targets) < 0.6)
        rate += height * np.exp(-(((position - centre) / width) ** 2))
    return rate


def write_fake_dataset(
    path: Path,
    names: list[str],
    *,
    bins: int = 128,
    windows: tuple[int, int, int] = (4, 2, 6),
    has_coordinates: bool = True,
    constant: tuple[int, ...] = (),
    folds: int = 1,
    source: Mapping[str, object] | None = None,
    targets: Targets | None = None,
    contigs: tuple[str, ...] = ("chr1", "chr2", "chr3"),
    seed: int = 0,
) -> tuple[Dataset, np.ndarray]:
    """Write three chromosomes, a split or part each; returns the dataset and its (bins, targets).

    `folds` is 1 or 3.
    """
    rng = np.random.default_rng(seed)
    lengths = {name: count * bins * BIN for name, count in zip(contigs, windows, strict=True)}
    rates, tables = [], []
    targets = targets or Targets.from_names(names, units="reads")
    layout = Contigs.from_lengths(lengths, BIN)
    with DatasetWriter(path, contigs=layout, targets=targets, bin_size=BIN) as writer:
        for place, count in enumerate(windows):
            rate = _peaks(rng, count * bins, len(names))
            coverage = rng.poisson(rate).astype(np.float32)
            coverage[:, list(constant)] = 0
            writer.add_contig(rng.integers(0, 4, count * bins * BIN, dtype=np.uint8), coverage)
            rates.append(rate)
            starts = np.arange(count) * bins * BIN
            tables.append(make_windows([place] * count, starts, bins * BIN, place))
        simulated = {"kind": "simulated", "assembly": "simulated", "seed": seed}
        writer.finish(
            np.concatenate(tables),
            {**(source or simulated), "has_coordinates": has_coordinates},
            **({"folds": make_folds(folds)} if folds > 1 else {}),
        )
    return read_dataset(path), np.concatenate(rates)


def write_fake_model(
    folder: Path,
    dataset: Dataset,
    rate: np.ndarray,
    *,
    name: str = "default",
    noise: float = 0.5,
    ceiling: bool = True,
    replicates: int = 1,
    epochs: int = 10,
    seed: int = 1,
) -> ModelFiles:
    """Write predictions, as good as `noise` is small, and their tables; replicates with theirs.

    With folds every window is predicted, each in the fold that tests it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, folds = _find_rows(dataset)
    path = folder / "predictions.h5"
    first, bins = dataset.first_bin_of(rows), dataset.output_bins
    with PredictionWriter(
        path,
        dataset,
        rows,
        model=name,
        checkpoint_digest="c" * 64,
        spread=replicates > 1,
        folds=folds,
    ) as writer:
        for start in first:
            truth = rate[start : start + bins]
            errors = np.linspace(0.3, 2.0, truth.shape[1]) * noise
            predicted = truth * np.exp(rng.normal(0, 1, truth.shape) * errors)
            spread = [(0.25 * predicted)[None]] if replicates > 1 else []
            writer.add(predicted[None], *spread)
        writer.finish()
    predictions = read_predictions(path, dataset)
    metrics = fake_metrics(dataset, predictions, rate, ceiling=ceiling)
    _fake_windows(dataset, predictions).to_csv(folder / "windows.tsv", sep="\t", index=False)
    letter, count = ("f", dataset.folds) if dataset.folds > 1 else ("r", replicates)
    members = [f"{name}.{letter}{n + 1}" for n in range(count)] if count > 1 else [name]
    histories = {member: folder / f"{member}.history.tsv" for member in members}
    for n, file in enumerate(histories.values()):
        fake_history(epochs, level=1 + 0.2 * noise, seed=n).to_csv(file, sep="\t", index=False)
    own = {member: folder / f"{member}.metrics.tsv" for member in members if replicates > 1}
    for n, file in enumerate(own.values()):
        worse = metrics.copy()
        worse[[column for column in metrics if "pearson_r" in column]] *= 0.95 - 0.01 * n
        worse.to_csv(file, sep="\t", index=False, na_rep="nan")
    metrics.to_csv(folder / "metrics.tsv", sep="\t", index=False, na_rep="nan")
    return ModelFiles(
        folder / "metrics.tsv", folder / "windows.tsv", path, histories, replicates=own
    )


def _find_rows(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are predicted, and the fold of each."""
    if dataset.folds == 1:
        rows = dataset.rows_of("test")
        return rows, np.zeros(len(rows), dtype=int)
    tested = [read_dataset(dataset.path, fold).rows_of("test") for fold in range(dataset.folds)]
    folds = np.repeat(np.arange(dataset.folds), [len(rows) for rows in tested])
    return np.concatenate(tested), folds


def write_fake_baseline(path: Path, metrics: Path, factor: float = 0.8) -> Path:
    """Write the metrics of a baseline, whose r's are those of a model times a factor."""
    table = pd.read_csv(metrics, sep="\t", keep_default_na=False, na_values=["nan"])
    ours = [column for column in table if "pearson_r" in column and "ceiling" not in column]
    table[[*ours, "deviance_explained", "peak_auprc"]] *= factor
    table[[column for column in table if "control" in column]] = np.nan
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep="\t", index=False, na_rep="nan")
    return path


def _r(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")


def fake_metrics(
    dataset: Dataset, predictions: Predictions, rate: np.ndarray, *, ceiling: bool = True
) -> pd.DataFrame:
    """Make the metrics table: true correlations, the rest only looks likely."""
    stitch, rows = Stitch(predictions, dataset), []
    for target, name in enumerate(dataset.targets.identifier):
        x = dataset.read_bins(stitch.bins, target).astype(float)
        y, truth = stitch.average(predictions.read(target)), rate[stitch.bins, target]
        r, r_log1p = _r(x, y), _r(np.log1p(x), np.log1p(y))
        known = ceiling and np.ptp(x) > 0
        row: dict[str, object] = {"target": name}
        for suffix, value, x_, truth_ in (
            ("", r, x, truth),
            ("_log1p", r_log1p, np.log1p(x), np.log1p(truth)),
        ):
            row |= {
                f"pearson_r{suffix}": value,
                f"pearson_r{suffix}_low": value - 0.06,
                f"pearson_r{suffix}_high": value + 0.05,
                f"clipped_pearson_r{suffix}": value,
                f"across_pearson_r{suffix}": value * 0.9,
                f"within_pearson_r{suffix}": value * 0.8,
                f"ceiling_pearson_r{suffix}": _r(x_, truth_) if known else np.nan,
                f"control_pearson_r{suffix}": 0.02 if np.isfinite(value) else np.nan,
            }
        likely = {
            "pearson_r_log1p_as_read": r_log1p,
            "spearman_r": _r(x.argsort().argsort(), y.argsort().argsort()),
            "r2": 1 - np.mean((x - y) ** 2) / np.var(x) if np.ptp(x) else np.nan,
            "deviance_explained": 0.7 * r,
            "poisson_loss": 1.4 - 0.5 * np.nan_to_num(r),
            "poisson_loss_keras": -3.2 - 0.5 * np.nan_to_num(r),
            "baseline_poisson_loss": 1.4,
            "baseline_poisson_loss_keras": -3.2,
            "peak_auroc": 0.5 + 0.5 * r,
            "peak_auprc": 0.7 * r,
            "peaks": int((x > 5).sum()),
            "peak_share": (x > 5).mean(),
            "specific_pearson_r": 0.5 * r if len(dataset.targets) > 1 else np.nan,
            "ceiling_from": "rate" if known else "",
            "mean_observed": x.mean(),
            "mean_predicted": y.mean(),
            "ratio_of_sums": y.sum() / x.sum() if x.sum() else np.nan,
            "bins": x.size,
            "blocks": len(predictions.rows),
        }
        rows.append(row | likely)
    return pd.DataFrame(rows, columns=list(DEFINITIONS))


def _fake_windows(dataset: Dataset, predictions: Predictions) -> pd.DataFrame:
    rows = []
    for place, row in enumerate(predictions.rows):
        x, y = dataset.coverage_of(int(row)), predictions.read_window(place)
        scores = [_r(x[:, target], y[:, target]) for target in range(x.shape[1])]
        known = [score for score in scores if np.isfinite(score)]
        rows.append(
            {
                "place": place,
                "contig": predictions.contig[place],
                "start": predictions.start[place],
                "end": predictions.end[place],
                "pearson_r": np.mean(known) if known else np.nan,
            }
        )
    return pd.DataFrame(rows)


def fake_history(epochs: int = 10, level: float = 1.0, seed: int = 3) -> pd.DataFrame:
    """Make a history of five rows an epoch, validated at its end."""
    epoch = np.round(np.arange(1, 5 * epochs + 1) / 5, 1)
    rng = np.random.default_rng(seed)
    level += rng.normal(0, 0.01)
    train = 1.6 * level + 2.2 * np.exp(-epoch / 0.8) + rng.normal(0, 0.03, epoch.size)
    valid = np.where(
        epoch % 1 == 0, 1.65 * level + 1.2 * np.exp(-epoch / 1.5) + 0.004 * epoch, np.nan
    )
    return pd.DataFrame(
        {
            "epoch": epoch,
            "step": np.arange(1, epoch.size + 1) * 40,
            "train_loss": train,
            "valid_loss": valid,
            "learning_rate": 1e-3 * (1 + np.cos(np.pi * epoch / epochs)) / 2,
            "seconds": epoch * 24.0,
        }
    )
