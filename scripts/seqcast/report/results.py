"""What a report reads of each model and baseline."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import AGAIN, read_sealed
from seqcast.data import SPLITS, Dataset, read_dataset
from seqcast.data.predictions import Predictions, read_predictions
from seqcast.tracks.browser.shown import ResultFiles

_TEXT = ("target", "contig", "ceiling_from")
# What models are ranked by: peaks alone would rule raw coverage.
RANKED = "pearson_r_log1p"
_LABELS = {"gc": "GC content", "kmers": "k-mer ridge"}
_PHRASES = {"gc": "GC content alone", "kmers": "a ridge regression on k-mers"}


@dataclass(frozen=True)
class ModelFiles(ResultFiles):
    """Where all that is known of a model lies.

    `histories` has one for each training of the model, by the member's name; `replicates` the
    `metrics.tsv` of each replicate, empty where there are none. `training` is what is known of the
    training of the first member (`device`, `seconds` ...).
    """

    histories: Mapping[str, str | Path]
    training: Mapping[str, Any] = field(default_factory=dict)
    replicates: Mapping[str, str | Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """How good the predictions of a model, a replicate or a baseline are; a row a target."""

    name: str
    metrics: pd.DataFrame
    path: Path

    @property
    def label(self) -> str:
        """What people call it."""
        return _LABELS.get(self.name, self.name)

    @property
    def phrase(self) -> str:
        """What it is called in a sentence."""
        return _PHRASES.get(self.name, f"“{self.name}”")

    @property
    def r(self) -> np.ndarray:
        """Pearson's r of log1p coverage of each target, (targets,); NaN where undefined."""
        return self.metrics[RANKED].to_numpy(float)

    def mean(self, column: str) -> float:
        """Return the mean of a column over targets that have a value, NaN where none has."""
        if column not in self.metrics:
            return float("nan")
        values = self.metrics[column].to_numpy(float)
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else float("nan")

    def with_ceiling(self, column: str = RANKED) -> tuple[float, float, int]:
        """Return mean r, mean ceiling and number of the targets that have both."""
        ceiling = self.metrics.get(f"ceiling_{column}", np.nan)
        both = pd.DataFrame({"r": self.metrics[column], "ceiling": ceiling}).dropna()
        return float(both["r"].mean()), float(both["ceiling"].mean()), len(both)

    def has_ceiling(self, column: str = RANKED) -> bool:
        """Say whether every target that has an r has a ceiling above 0, too."""
        _, ceiling, known = self.with_ceiling(column)
        return known == self.metrics[column].notna().sum() and ceiling > 0


@dataclass(frozen=True)
class ModelResults(Scores):
    """A model's results in memory: tables as pandas, predictions opened."""

    histories: Mapping[str, pd.DataFrame]
    windows: pd.DataFrame
    predictions: Predictions
    training: Mapping[str, Any]
    replicates: tuple[Scores, ...]

    def splits(self, dataset: Dataset) -> list[str]:
        """Name the splits that the predicted windows come from, each in the fold it was read in."""
        found = set()
        for fold in np.unique(self.predictions.folds):
            own = dataset if fold == dataset.fold else read_dataset(dataset.path, int(fold))
            rows = self.predictions.rows[self.predictions.folds == fold]
            found |= set(own.windows["split"][rows].tolist())
        return [name for index, name in enumerate(SPLITS) if index in found]

    def find_windows(self) -> dict[str, int]:
        """Return the best, the median and the worst window by Pearson's r, as indices.

        Windows without an r count only where no window has one.
        """
        ranked = self.windows.dropna(subset=["pearson_r"])
        ranked = ranked if len(ranked) else self.windows
        indices = ranked.sort_values("pearson_r", ascending=False, kind="stable")["place"].tolist()
        return {
            "best": int(indices[0]),
            "median": int(indices[len(indices) // 2]),
            "worst": int(indices[-1]),
        }

    def window_r(self, index: int) -> float:
        """Return the mean r of a window, by its index among the predictions."""
        return float(self.windows.set_index("place")["pearson_r"].loc[index])


def read_scores(name: str, path: str | Path, dataset: Dataset) -> Scores:
    """Read a `metrics.tsv`, and check that it speaks of the dataset's targets."""
    wanted = ("target", "pearson_r", "pearson_r_log1p", "ceiling_pearson_r")
    metrics = _read_table(path, wanted)
    if tuple(metrics["target"]) != dataset.targets.identifier:
        raise SeqcastError(
            f"{path}: found {len(metrics):,} targets that are not, in order, the"
            f" {len(dataset.targets):,} of {dataset.path}; run `snakemake evaluate` again"
        )
    return Scores(name, metrics, Path(path))


def read_results(name: str, files: ModelFiles, dataset: Dataset) -> ModelResults:
    """Read all that was written of a model, and check that it belongs together."""
    scores = read_scores(name, files.metrics, dataset)
    results = ModelResults(
        name=name,
        metrics=scores.metrics,
        path=scores.path,
        histories={
            member: _read_table(path, ("epoch", "train_loss", "valid_loss"))
            for member, path in files.histories.items()
        },
        windows=_read_table(files.windows, ("place", "pearson_r")),
        predictions=read_predictions(files.predictions, dataset),
        training=files.training,
        replicates=tuple(
            read_scores(member, path, dataset) for member, path in files.replicates.items()
        ),
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
    text = io.StringIO(read_sealed(path, AGAIN))
    table = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False)
    missing = [column for column in wanted if column not in table]
    if missing:
        raise SeqcastError(
            f"{path}: found columns {', '.join(table)}, wanted {', '.join(missing)} too; {AGAIN}"
        )
    for column in table:
        if column not in _TEXT:
            table[column] = pd.to_numeric(table[column], errors="coerce")
    return table
