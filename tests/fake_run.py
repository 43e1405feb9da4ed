"""A run that never was: a dataset with peaks, predictions of it, and the tables beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.dataset import Contigs, Dataset, DatasetWriter, make_windows, read_dataset
from seqcast.predictions import Predictions, PredictionWriter, Stitch, read_predictions
from seqcast.targets import Targets

BIN = 128


@dataclass(frozen=True)
class FakeModel:
    history: Path
    metrics: Path
    windows: Path
    predictions: Path


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
    seed: int = 0,
) -> tuple[Dataset, np.ndarray]:
    """Write three chromosomes, a split each; returns the dataset and its rate, (bins, targets)."""
    rng = np.random.default_rng(seed)
    lengths = {f"chr{place + 1}": count * bins * BIN for place, count in enumerate(windows)}
    rates, tables = [], []
    contigs = Contigs.from_lengths(lengths, BIN)
    targets = Targets.from_names(names, units="reads")
    with DatasetWriter(path, contigs=contigs, targets=targets, bin_size=BIN) as writer:
        for place, count in enumerate(windows):
            rate = _peaks(rng, count * bins, len(names))
            coverage = rng.poisson(rate).astype(np.float32)
            coverage[:, list(constant)] = 0
            writer.add_contig(rng.integers(0, 4, count * bins * BIN, dtype=np.uint8), coverage)
            rates.append(rate)
            starts = np.arange(count) * bins * BIN
            split = ("train", "valid", "test")[place]
            tables.append(make_windows([place] * count, starts, bins * BIN, split))
        writer.finish(
            np.concatenate(tables),
            {
                "kind": "simulated",
                "assembly": "simulated",
                "has_coordinates": has_coordinates,
                "seed": seed,
            },
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
    epochs: int = 10,
    seed: int = 1,
) -> FakeModel:
    """Write predictions of the test windows, as good as `noise` is small, and their tables."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    files = FakeModel(
        folder / "history.tsv",
        folder / "metrics.tsv",
        folder / "windows.tsv",
        folder / "predictions.h5",
    )
    rows = dataset.rows_of("test")
    first, bins = dataset.first_bin_of(rows), dataset.output_bins
    with PredictionWriter(
        files.predictions, dataset, rows, model=name, checkpoint_digest="c" * 64
    ) as writer:
        for start in first:
            truth = rate[start : start + bins]
            spread = np.linspace(0.3, 2.0, truth.shape[1]) * noise
            wrong = np.exp(rng.normal(0, 1, truth.shape) * spread)
            writer.add((truth * wrong)[None].astype(np.float32))
        writer.finish()
    predictions = read_predictions(files.predictions, dataset)
    fake_metrics(dataset, predictions, rate, ceiling=ceiling).to_csv(
        files.metrics, sep="\t", index=False
    )
    _fake_windows(dataset, predictions).to_csv(files.windows, sep="\t", index=False)
    fake_history(epochs).to_csv(files.history, sep="\t", index=False)
    return files


def _r(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")


def fake_metrics(
    dataset: Dataset, predictions: Predictions, rate: np.ndarray, *, ceiling: bool = True
) -> pd.DataFrame:
    """Make the metrics table: true correlations, losses that only look likely."""
    stitch, rows = Stitch(predictions, dataset), []
    for target, name in enumerate(dataset.targets.identifier):
        x = np.asarray(dataset.coverage[stitch.bins, target], dtype=float)
        y, truth = stitch.average(predictions.read(target)), rate[stitch.bins, target]
        r = _r(x, y)
        known = ceiling and np.ptp(x) > 0
        rows.append(
            {
                "target": name,
                "pearson_r": r,
                "pearson_r_log1p": _r(np.log1p(x), np.log1p(y)),
                "spearman_r": _r(x.argsort().argsort(), y.argsort().argsort()),
                "r2": 1 - np.mean((x - y) ** 2) / np.var(x) if np.ptp(x) else np.nan,
                "poisson_loss": 1.4 - 0.5 * np.nan_to_num(r),
                "poisson_loss_keras": -3.2 - 0.5 * np.nan_to_num(r),
                "baseline_poisson_loss": 1.4,
                "baseline_poisson_loss_keras": -3.2,
                "ceiling_pearson_r": _r(x, truth) if known else np.nan,
                "ceiling_pearson_r_log1p": _r(np.log1p(x), np.log1p(truth)) if known else np.nan,
                "mean_observed": x.mean(),
                "mean_predicted": y.mean(),
                "bins": x.size,
            }
        )
    return pd.DataFrame(rows)


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


def fake_history(epochs: int = 10) -> pd.DataFrame:
    """Make a history of five rows an epoch, validated at its end."""
    epoch = np.round(np.arange(1, 5 * epochs + 1) / 5, 1)
    rng = np.random.default_rng(3)
    train = 1.6 + 2.2 * np.exp(-epoch / 0.8) + rng.normal(0, 0.03, epoch.size)
    valid = np.where(epoch % 1 == 0, 1.65 + 1.2 * np.exp(-epoch / 1.5) + 0.004 * epoch, np.nan)
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
