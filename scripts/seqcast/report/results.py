"""What a report reads of each model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.dataset import SPLITS, Dataset
from seqcast.errors import SeqcastError
from seqcast.predictions import Predictions, read_predictions

_TEXT = ("target", "contig")


@dataclass(frozen=True)
class ModelFiles:
    """Where a model's results lie, and what is known of its training (`device`, `seconds` ...)."""

    history: str | Path
    metrics: str | Path
    windows: str | Path
    predictions: str | Path
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelResults:
    """A model's results in memory: tables as pandas, predictions opened."""

    name: str
    history: pd.DataFrame
    metrics: pd.DataFrame
    windows: pd.DataFrame
    predictions: Predictions
    training: Mapping[str, Any]

    @property
    def r(self) -> np.ndarray:
        """Pearson's r of each target, (targets,); NaN where it is undefined."""
        return self.metrics["pearson_r"].to_numpy(float)

    def mean(self, column: str) -> float:
        """Return the mean of a column of the metrics over targets that have one, or NaN."""
        values = self.metrics[column].to_numpy(float)
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else float("nan")

    def splits(self, dataset: Dataset) -> list[str]:
        """Name the splits that the predicted windows come from."""
        found = dataset.windows["split"][self.predictions.rows]
        return [name for place, name in enumerate(SPLITS) if (found == place).any()]

    def find_windows(self) -> dict[str, int]:
        """Return the places of the best, the median and the worst window by Pearson's r.

        Windows without an r count only where no window has one.
        """
        ranked = self.windows.dropna(subset=["pearson_r"])
        ranked = ranked if len(ranked) else self.windows
        places = ranked.sort_values("pearson_r", ascending=False, kind="stable")["place"].tolist()
        return {
            "best": int(places[0]),
            "median": int(places[len(places) // 2]),
            "worst": int(places[-1]),
        }

    def window_r(self, place: int) -> float:
        """Return the mean r of a window, by its place in the predictions."""
        return float(self.windows.set_index("place")["pearson_r"].loc[place])


def read_results(name: str, files: ModelFiles, dataset: Dataset) -> ModelResults:
    """Read a model's results; refuse tables that do not fit the dataset."""
    results = ModelResults(
        name=name,
        history=_read_table(files.history, ("epoch", "train_loss", "valid_loss")),
        metrics=_read_table(files.metrics, ("target", "pearson_r", "ceiling_pearson_r")),
        windows=_read_table(files.windows, ("place", "pearson_r")),
        predictions=read_predictions(files.predictions, dataset),
        training=files.training,
    )
    if tuple(results.metrics["target"]) != dataset.targets.identifier:
        raise SeqcastError(
            f"{files.metrics}: found {len(results.metrics):,} targets that are not, in order, the"
            f" {len(dataset.targets):,} of {dataset.path}; run `snakemake evaluate` again"
        )
    if len(results.windows) != len(results.predictions.rows) or not len(results.windows):
        raise SeqcastError(
            f"{files.windows}: found {len(results.windows):,} windows, wanted the"
            f" {len(results.predictions.rows):,} of {files.predictions} (at least one); run"
            " `snakemake evaluate` again"
        )
    return results


def _read_table(path: str | Path, wanted: tuple[str, ...]) -> pd.DataFrame:
    """Read a TSV; text stays as it is written, so a target may be called `NA`."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    missing = [column for column in wanted if column not in table]
    if missing:
        raise SeqcastError(
            f"{path}: found columns {', '.join(table)}, wanted {', '.join(missing)} too; delete the"
            " file and run the step that makes it again"
        )
    for column in table:
        if column not in _TEXT:
            table[column] = pd.to_numeric(table[column], errors="coerce")
    return table
