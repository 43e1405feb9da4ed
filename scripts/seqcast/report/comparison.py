"""Tables that set models side by side: over all targets, and target by target."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqcast.metrics import DEFINITIONS
from seqcast.report.columns import MISSING, Column, make_cell
from seqcast.report.results import RANKED, ModelResults, Scores

MOST_ROWS = 200
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
_GROUPS = (
    (RANKED, "r of log1p coverage"),
    ("pearson_r", "r of raw coverage"),
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
    of = "" if model.has_ceiling() else f" of {known} target{'' if known == 1 else 's'}"
    return {"name": f"ceiling (noise){of}", "kind": "baseline", "replicates": 0, "cells": cells}


def find_reference(baselines: Sequence[Scores]) -> Scores | None:
    """Return the baseline to hold models against: the one of the highest mean r, if any."""
    known = [scores for scores in baselines if np.isfinite(scores.mean(RANKED))]
    return max(known, key=lambda scores: scores.mean(RANKED), default=None)


def make_targets_table(
    models: Sequence[ModelResults], baselines: Sequence[Scores]
) -> dict[str, Any]:
    """Return r of each target, of all models and the best baseline beside the ceiling.

    Rows are in the order of the first model's r. `groups` are the heads over several columns; the
    highest r of a row among models and baseline is marked `best`.
    """
    reference = find_reference(baselines)
    compared = [*models, *([reference] if reference else [])]
    groups, heads, blocks = [], [], []
    for key, title in _GROUPS:
        names, values = _make_block(compared, models[0], key)
        groups.append({"head": title, "span": len(names), "definition": DEFINITIONS[key]})
        heads += [{"head": name, "first": place == 0} for place, name in enumerate(names)]
        blocks.append((values, len(compared)))
    order = np.argsort(-models[0].r, kind="stable")[:MOST_ROWS]
    names = models[0].metrics["target"].tolist()
    rows = [
        {"rank": rank, "target": names[place], "cells": _mark_best(blocks, place)}
        for rank, place in enumerate(order.tolist(), start=1)
    ]
    return {"groups": groups, "heads": heads, "rows": rows, "total": len(names)}


def _make_block(
    compared: Sequence[Scores], first: ModelResults, key: str
) -> tuple[list[str], np.ndarray]:
    """Return the heads of a group and its numbers, (targets, heads)."""
    names = [scores.label for scores in compared]
    columns = [scores.metrics[key].to_numpy(float) for scores in compared]
    if np.isfinite(first.mean(f"ceiling_{key}")):
        names.append("ceiling")
        columns.append(first.metrics[f"ceiling_{key}"].to_numpy(float))
    return names, np.stack(columns, axis=1)


def _mark_best(blocks: Sequence[tuple[np.ndarray, int]], place: int) -> list[dict[str, Any]]:
    cells = []
    for values, count in blocks:
        row = values[place]
        known = row[:count][np.isfinite(row[:count])]
        top = known.max() if known.size and count > 1 else np.inf
        for at, value in enumerate(row.tolist()):
            best = at < count and np.isfinite(value) and value >= top
            cells.append({**make_cell(value, 3), "best": best, "first": at == 0})
    return cells
