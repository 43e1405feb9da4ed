"""Tables of a report as rows of text, ready for the page."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcast.console import format_seconds
from seqcast.dataset import SPLITS, Dataset
from seqcast.report.results import ModelResults

MOST_ROWS = 200
MISSING = "\u2013"
# Text that YAML reads as text without quotes.
_PLAIN = re.compile(r"(?i)(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_./-]*")


@dataclass(frozen=True)
class Column:
    """A column of the metrics table; `definition` explains it where it is shown."""

    key: str
    head: str
    definition: str
    digits: int = 3


COLUMNS = (
    Column(
        "pearson_r",
        "r",
        "Pearson's correlation of predicted and observed coverage over all"
        " predicted bins, raw values: 1 is perfect, 0 is none. Peaks weigh most.",
    ),
    Column(
        "ceiling_pearson_r",
        "ceiling r",
        "The most that noise allows: r of the noiseless rate"
        " with the observed track. Known only where the data are simulated.",
    ),
    Column(
        "pearson_r_log1p",
        "r log1p",
        "Pearson's r of log(1 + coverage): low coverage counts as much as peaks.",
    ),
    Column("spearman_r", "Spearman", "Pearson's r of the ranks: is the order of the bins right?"),
    Column(
        "r2",
        "R²",
        "1 - squared error / variance of the observed: unlike r it also asks for"
        " the right height. Below 0 the mean would have been the better guess.",
    ),
    Column(
        "poisson_loss",
        "loss",
        "Poisson loss of the course's chapter, mean(exp(x) - t·x) -"
        " mean(t - t·log t) with exp(x) the prediction and t the observed: natural logarithm,"
        " half the mean Poisson deviance. The lower the better; 0 is perfect.",
    ),
    Column(
        "baseline_poisson_loss",
        "baseline",
        "The same loss of predicting each target's"
        " training mean everywhere: what any model must beat.",
    ),
    Column(
        "poisson_loss_keras",
        "loss Keras",
        "Poisson loss as Keras and Basenji print it,"
        " mean(p - t·log p), natural logarithm: may be negative, and compares only within one"
        " dataset.",
    ),
    Column(
        "baseline_poisson_loss_keras",
        "baseline Keras",
        "Keras' loss of predicting the training mean everywhere.",
    ),
    Column("mean_observed", "mean obs.", "Mean observed coverage of a bin."),
    Column(
        "mean_predicted",
        "mean pred.",
        "Mean predicted coverage of a bin; should be near the observed one.",
    ),
    Column("bins", "bins", "Number of bins compared.", 0),
)

_TRAINING_WORDS = {
    "seconds": "time",
    "parameters": "parameters",
    "receptive_field": "receptive field",
    "best_epoch": "epoch kept",
}


def make_metrics_table(result: ModelResults) -> dict[str, Any]:
    """Return the columns that a model's metrics have and its rows, best target first."""
    columns = [column for column in COLUMNS if column.key in result.metrics]
    columns = [
        column
        for column in columns
        if result.metrics[column.key].notna().any() or column.key == "pearson_r"
    ]
    order = np.argsort(-result.r, kind="stable")
    shown = result.metrics.iloc[order[:MOST_ROWS]]
    names = shown["target"].tolist()
    values = shown[[column.key for column in columns]].to_numpy(float).tolist()
    rows = [
        {
            "rank": rank,
            "target": name,
            "cells": [
                _cell(value, column.digits) for value, column in zip(numbers, columns, strict=True)
            ],
        }
        for rank, (name, numbers) in enumerate(zip(names, values, strict=True), start=1)
    ]
    return {"columns": columns, "rows": rows, "total": len(result.metrics)}


def _cell(value: float, digits: int) -> dict[str, Any]:
    """Give a cell its text and the number that it sorts by (empty where there is none)."""
    if not np.isfinite(value):
        return {"text": MISSING, "sort": ""}
    return {"text": f"{value:,.{digits}f}", "sort": f"{value:.9g}"}


def make_models_table(results: Sequence[ModelResults]) -> list[dict[str, str]]:
    """Return a row a model: its name and what compares it with the others."""
    return [
        {
            "model": result.name,
            **{
                key: _cell(result.mean(key), 3)["text"] if key in result.metrics else MISSING
                for key in ("pearson_r", "ceiling_pearson_r", "pearson_r_log1p", "poisson_loss")
            },
        }
        for result in results
    ]


_IN_HISTORY = ("epoch", "valid_loss")


def make_training_table(result: ModelResults) -> list[tuple[str, str]]:
    """Return what is known of a model's training, as words and values."""
    rows = []
    for key, value in result.training.items():
        # The best epoch and its loss stand in the last row, from the history itself.
        if value is None or isinstance(value, (dict, list, tuple)) or key in _IN_HISTORY:
            continue
        rows.append((_TRAINING_WORDS.get(key, key.replace("_", " ")), _format_value(key, value)))
    valid = result.history.dropna(subset=["valid_loss"])
    if len(valid):
        best = valid.loc[valid["valid_loss"].idxmin()]
        rows.append(
            ("lowest validation loss", f"{best['valid_loss']:.4f} (epoch {best['epoch']:g})")
        )
    return rows


def _format_value(key: str, value: Any) -> str:
    if key == "seconds" and isinstance(value, (int, float)):
        return format_seconds(float(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" + (" bases" if key == "receptive_field" else "")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def make_data_table(dataset: Dataset) -> list[tuple[str, str]]:
    """Return what the data are, as words and values."""
    splits = ", ".join(f"{split} {len(dataset.rows_of(split)):,}" for split in SPLITS)
    place = "places in a genome" if dataset.has_coordinates else "each window its own contig"
    rows = [
        ("windows", f"{len(dataset.windows):,} ({splits})"),
        (
            "window",
            f"{dataset.window:,} bases, {dataset.output_bins:,} predicted bins of"
            f" {dataset.bin_size:,}",
        ),
        ("targets", f"{len(dataset.targets):,}"),
        (
            "contigs",
            f"{len(dataset.contigs):,}, {int(dataset.contigs.length.sum()):,} bases ({place})",
        ),
    ]
    rows += [
        (f"source: {key.replace('_', ' ')}", value if isinstance(value, str) else json.dumps(value))
        for key, value in sorted(dataset.source.items())
        if key != "has_coordinates"
    ]
    return [*rows, ("digest", dataset.digest)]


def format_yaml(value: Any, indent: int = 0) -> str:
    """Write nested mappings as YAML, everything below them as JSON, which is YAML too."""
    if isinstance(value, str) and indent == 0:
        return value
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, default=str, ensure_ascii=False)
    lines = []
    for key, inner in value.items():
        nested = isinstance(inner, Mapping) and inner
        text = format_yaml(inner, indent + 1)
        lines.append(f"{'  ' * indent}{key}:" + (f"\n{text}" if nested else f" {text}"))
    return "\n".join(lines)
