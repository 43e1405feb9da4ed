"""Tables that set models side by side: over all targets, and target by target."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqcast.evaluate.metrics import DEFINITIONS
from seqcast.report.columns import MISSING, Column
from seqcast.report.results import RANKED, ModelResults, Scores

_SHARE = "share of ceiling"
_OVERALL = (
    Column(RANKED, "r log1p", ""),
    Column("pearson_r", "r raw", ""),
    Column(
        _SHARE,
        "of ceiling",
        "Mean r log1p / mean ceiling of the targets that have a ceiling: how much of what the noise"
        " in the data allows is reached.",
    ),
    Column("across_pearson_r_log1p", "across windows", ""),
    Column("within_pearson_r_log1p", "within windows", ""),
    Column("specific_pearson_r", "specific", ""),
    Column("peak_auprc", "AUPRC", ""),
    Column("deviance_explained", "deviance explained", ""),
    Column("control_pearson_r_log1p", "control", ""),
)


def make_models_table(
    models: Sequence[ModelResults], baselines: Sequence[Scores]
) -> dict[str, Any]:
    """Return columns and rows of means over targets: models, their replicates, baselines.

    Last stand what needs no model at all, the training mean, and what none can pass, the ceiling.
    A cell has a `text` and a `note` (its interval), which may be empty.
    """
    every = [*models, *baselines]
    columns = [column for column in _OVERALL if any(_is_known(s, column.key) for s in every)]
    rows = []
    for model in models:
        rows.append(_make_row(model, columns, "model", len(model.replicates)))
        rows += [_make_row(member, columns, "replicate") for member in model.replicates]
    rows += [_make_row(scores, columns, "baseline") for scores in baselines]
    rows.append(_make_mean_row(columns))
    if np.isfinite(models[0].mean(f"ceiling_{RANKED}")):
        rows.append(_make_ceiling_row(models[0], columns))
    return {"columns": [_define(column) for column in columns], "rows": rows}


def _define(column: Column) -> Column:
    text = column.definition or DEFINITIONS[column.key]
    interval = " In brackets, the mean ends of the targets' 95 % intervals."
    has_interval = column.key in (RANKED, "pearson_r")
    text = text if column.definition else f"Mean over targets. {text}"
    text += interval if has_interval else ""
    return Column(column.key, column.head, text, column.digits)


def _find(scores: Scores, key: str) -> float:
    if key != _SHARE:
        return scores.mean(key)
    r, ceiling, _ = scores.with_ceiling()
    return r / ceiling if ceiling > 0 else float("nan")


def _is_known(scores: Scores, key: str) -> bool:
    return bool(np.isfinite(_find(scores, key))) or key == RANKED


def _make_row(
    scores: Scores, columns: Sequence[Column], kind: str, replicates: int = 0
) -> dict[str, Any]:
    cells = []
    for column in columns:
        value = _find(scores, column.key)
        text = f"{100 * value:.0f}\u00a0%" if column.key == _SHARE else f"{value:.3f}"
        cells.append(
            {"text": text if np.isfinite(value) else MISSING, "note": _interval(scores, column.key)}
        )
    return {"name": scores.label, "kind": kind, "replicates": replicates, "cells": cells}


def _interval(scores: Scores, key: str) -> str:
    low, high = scores.mean(f"{key}_low"), scores.mean(f"{key}_high")
    return f"{low:.2f} to {high:.2f}" if np.isfinite([low, high]).all() else ""


def _make_mean_row(columns: Sequence[Column]) -> dict[str, Any]:
    known = {"deviance_explained": "0"}
    cells = [{"text": known.get(column.key, MISSING), "note": ""} for column in columns]
    return {"name": "training mean everywhere", "kind": "baseline", "replicates": 0, "cells": cells}


def _make_ceiling_row(model: ModelResults, columns: Sequence[Column]) -> dict[str, Any]:
    cells = []
    for column in columns:
        value = model.mean(f"ceiling_{column.key}")
        text = f"{value:.3f}" if np.isfinite(value) else MISSING
        text = "100\u00a0%" if column.key == _SHARE else text
        cells.append({"text": text, "note": ""})
    known = model.with_ceiling()[2]
    of = "" if model.has_ceiling() else f" of {known:,} target{'' if known == 1 else 's'}"
    return {"name": f"ceiling (noise){of}", "kind": "baseline", "replicates": 0, "cells": cells}


def find_reference(baselines: Sequence[Scores]) -> Scores | None:
    """Return the baseline to hold models against: the one of the highest mean r, if any."""
    known = [scores for scores in baselines if np.isfinite(scores.mean(RANKED))]
    return max(known, key=lambda scores: scores.mean(RANKED), default=None)
