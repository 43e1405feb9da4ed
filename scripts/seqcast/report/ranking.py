"""Tables of all targets, of which the page shows a dozen and finds the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import DEFINITIONS
from seqcast.report.columns import MISSING, Column, make_columns
from seqcast.report.comparison import find_reference
from seqcast.report.figures import choose_ranked
from seqcast.report.figures.panels import MOST_PANELS
from seqcast.report.results import RANKED, ModelResults, Scores

# Rows beyond the dozen are kept as text in the page, up to so many letters: of the table to search
# in, which loses its last rows, and of tables of many columns, which are whole or a dozen.
MOST_LETTERS = 750_000
_MOST_OF_MANY_COLUMNS = 100_000
_MOST_DESCRIPTION = 60
_GROUPS = (
    (RANKED, "r of log1p coverage"),
    ("pearson_r", "r of raw coverage"),
)
# Marks the highest number of a row.
_BEST = "*"


@dataclass(frozen=True)
class Row:
    """A target in a table: its rank, name, description ("" if it says no more) and cells."""

    rank: int
    target: str
    description: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """The rows of a table: those the page shows, and those that it only finds.

    Of `total` targets `found` are in the page at all, the best by r; `rest` are their rows as lists
    of rank, name, description, and cells with `|` between them.
    """

    rows: list[Row]
    rest: list[list[Any]]
    total: int
    found: int


def make_ranking(
    r: np.ndarray, targets: Targets, cells: Sequence[Sequence[str]], most: int = MOST_LETTERS
) -> Ranking:
    """Rank targets by `r` (targets,), best first, and choose the dozen that figures show too.

    `cells` holds each target's cells. Where there are more letters than `most`, descriptions go,
    then the rows of lowest rank.
    """
    order, shown = choose_ranked(r, len(r)), set(choose_ranked(r, MOST_PANELS))
    rows, rest = [], []
    for rank, index in enumerate(order, start=1):
        name = targets.identifier[index]
        row = Row(rank, name, _describe(name, targets.description[index]), tuple(cells[index]))
        if index in shown:
            rows.append(row)
            continue
        rest.append([rank, row.target, row.description, "|".join(row.cells)])
    if _count_letters(rest).sum() > most:
        rest = [[rank, name, "", text] for rank, name, _, text in rest]
    del rest[int(np.searchsorted(np.cumsum(_count_letters(rest)), most, side="right")) :]
    return Ranking(rows, rest, len(order), len(rows) + len(rest))


def _count_letters(rows: list[list[Any]]) -> np.ndarray:
    """Return how long each row is as JSON, (rows,), about."""
    return np.array([sum(len(str(part)) + 3 for part in row) for row in rows], dtype=np.int64)


def _describe(name: str, description: str) -> str:
    """Shorten a description; one that only repeats the name says nothing."""
    text = " ".join(description.split())
    if text == name:
        return ""
    return text if len(text) <= _MOST_DESCRIPTION else f"{text[: _MOST_DESCRIPTION - 1].rstrip()}…"


def make_targets_table(
    models: Sequence[ModelResults], baselines: Sequence[Scores], targets: Targets
) -> dict[str, Any]:
    """Return r of each target, of all models and the best baseline beside the ceiling.

    Rows are in the order of the first model's r. `groups` are the heads over several columns; the
    highest r of a row among models and baseline ends in a star.
    """
    reference = find_reference(baselines)
    compared = [*models, *([reference] if reference else [])]
    groups, heads, blocks = [], [], []
    for key, title in _GROUPS:
        names, values = _make_block(compared, models[0], key)
        groups.append({"head": title, "span": len(names), "definition": DEFINITIONS[key]})
        heads += [Column(key, name, "", first=index == 0) for index, name in enumerate(names)]
        blocks.append(_mark_best(values, len(compared)))
    cells = [[*first, *second] for first, second in zip(*blocks, strict=True)]
    ranking = make_ranking(models[0].r, targets, cells)
    return {"groups": groups, "heads": heads, "ranking": ranking}


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


def _mark_best(values: np.ndarray, count: int) -> list[list[str]]:
    """Write numbers (targets, heads), the highest of the first `count` in a row with a star."""
    top = np.max(values[:, :count], axis=1, initial=-np.inf, where=np.isfinite(values[:, :count]))
    best = (values == top[:, None]) & (np.arange(values.shape[1]) < count) & (count > 1)
    return [
        [format_number(value) + _BEST * star for value, star in zip(row, stars, strict=True)]
        for row, stars in zip(values.tolist(), best.tolist(), strict=True)
    ]


def make_metrics_table(result: ModelResults, targets: Targets) -> dict[str, Any]:
    """Return all columns that a model's metrics have, and its targets, best first."""
    columns = [
        column
        for column in make_columns()
        if column.key in result.metrics and _has_values(result.metrics[column.key])
    ]
    texts = [
        [format_number(value, column.digits) for value in result.metrics[column.key].tolist()]
        for column in columns
    ]
    cells = list(zip(*texts, strict=True)) if texts else [()] * len(result.metrics)
    ranking = make_ranking(result.r, targets, cells, _MOST_OF_MANY_COLUMNS)
    if ranking.found < ranking.total:
        ranking = replace(ranking, rest=[], found=len(ranking.rows))
    return {"columns": columns, "ranking": ranking}


def _has_values(column: pd.Series) -> bool:
    return bool((column.notna() & (column != "")).any())


def format_number(value: float | str, digits: int = 3) -> str:
    """Write a cell of a table."""
    if isinstance(value, str):
        return value or MISSING
    return f"{value:,.{digits}f}" if np.isfinite(value) else MISSING
