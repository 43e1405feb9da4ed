"""How well each target is predicted."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqcast.tracks.style import (
    INK,
    QUIET,
    RULE,
    format_label,
    make_figure,
    style_axes,
    style_of,
    write_note,
)

R = "pearson_r_log1p"
# Above this many targets names cannot be read, and the order alone is drawn.
MOST_NAMED = 80
# Above this many targets there are no whiskers; above so many markers, a target has one line.
_MOST_WITH_WHISKERS = 40
_MOST_MARKERS_APART = 120
_MOST_IN_COLUMN = 30
_BASELINE = {"color": QUIET, "marker": "x", "linestyle": "none", "markersize": 5.5}


def has_whiskers(models: int, targets: int) -> bool:
    """Say whether `plot_metrics` has room for intervals, a line a model."""
    few = models == 1 or models * targets <= _MOST_MARKERS_APART
    return few and targets <= _MOST_WITH_WHISKERS


def plot_metrics(
    metrics: Mapping[str, pd.DataFrame],
    *,
    baseline: pd.DataFrame | None = None,
    baseline_name: str = "k-mer ridge",
) -> Figure:
    """Plot Pearson's r of log1p coverage of each target, a marker a model, best target on top.

    `metrics` holds a table a model, a row a target, all in the same order, with the columns of
    `metrics.tsv`: `target`, `pearson_r_log1p` and, where known, its `_low`, `_high` (whiskers, up
    to 40 targets) and `ceiling_` (an upright tick). `baseline` is such a table too.
    """
    tables = list(metrics.values())
    count = len(tables[0]) if tables else 0
    if count > MOST_NAMED:
        return _plot_order(metrics, baseline, baseline_name)
    apart = len(metrics) > 1 and has_whiskers(len(metrics), count)
    columns = 2 if count > _MOST_IN_COLUMN else 1
    rows = -(-max(count, 1) // columns)
    tall = 0.21 if not apart else 0.13 * len(metrics) + 0.08
    title = "Pearson's r of each target, predicted against observed log1p coverage"
    figure = make_figure(10 if columns > 1 else 8, 1.6 + tall * rows, title)
    panels = figure.subplots(1, columns, squeeze=False)[0]
    order = np.argsort(-_mean_over_models(tables), kind="stable")
    limit = _lower_limit([*tables, *([baseline] if baseline is not None else [])])
    for index, axes in enumerate(panels):
        shown = order[index * rows : (index + 1) * rows]
        _plot_targets(axes, metrics, shown, rows, apart)
        if len(shown) and baseline is not None:
            r = baseline[R].to_numpy(float)[shown]
            axes.plot(r, np.arange(len(r)), label=baseline_name, zorder=2.5, **_BASELINE)
        axes.set_xlim(limit, 1.0)
    _add_legend(figure, panels[0])
    return figure


def _mean_over_models(tables: list[pd.DataFrame]) -> np.ndarray:
    """Average r over models, (targets,); NaN where no model has one."""
    if not tables:
        return np.array([])
    stacked = pd.concat([table[R].reset_index(drop=True) for table in tables], axis=1)
    return stacked.mean(axis=1).to_numpy(float)


def _lower_limit(tables: list[pd.DataFrame]) -> float:
    lowest = pd.concat([table[R] for table in tables]).min() if tables else 0.0
    return min(0.0, np.floor(lowest * 10) / 10) if np.isfinite(lowest) else 0.0


def _plot_targets(
    axes: Axes,
    metrics: Mapping[str, pd.DataFrame],
    shown: np.ndarray,
    rows: int,
    apart: bool,
) -> None:
    """Draw the targets `shown` (indices into the tables), one line each, first on top."""
    style_axes(axes, grid="x")
    axes.set_xlabel("Pearson's r (log1p coverage)")
    axes.set_ylabel("target")
    axes.set_ylim(rows - 0.4, -0.6)
    if not len(shown):
        write_note(axes, "no targets")
        return
    first = next(iter(metrics.values()))
    names = [format_label(str(first["target"].iloc[index]), 32) for index in shown]
    axes.set_yticks(np.arange(len(shown)), names, fontsize=8 if rows <= 20 else 7)
    axes.tick_params(axis="y", length=0)
    step = 0.7 / len(metrics) if apart else 0.0
    for index, (name, table) in enumerate(metrics.items()):
        move = (index - (len(metrics) - 1) / 2) * step
        alone, whiskers = len(metrics) == 1, has_whiskers(len(metrics), len(first))
        _plot_model(axes, table.iloc[shown], name, index, move, alone=alone, whiskers=whiskers)
    if apart:
        for row in range(0, len(shown), 2):  # which markers belong to one target
            axes.axhspan(row - 0.5, row + 0.5, color="#f4f5f6", linewidth=0, zorder=0)
    if f"ceiling_{R}" in first:
        _plot_ceiling(axes, first[f"ceiling_{R}"].to_numpy(float)[shown], tall=apart)


def _plot_model(
    axes: Axes,
    table: pd.DataFrame,
    name: str,
    index: int,
    move: float,
    *,
    alone: bool,
    whiskers: bool,
) -> None:
    style, r = style_of(index), table[R].to_numpy(float)
    rows = np.arange(len(r)) + move
    if alone:
        axes.hlines(rows, 0, np.nan_to_num(r), color=RULE, linewidth=3)
        _write_values(axes, r)
    if whiskers and f"{R}_low" in table:
        ends = table[[f"{R}_low", f"{R}_high"]].to_numpy(float)
        axes.hlines(rows, *ends.T, color=style.colour, linewidth=1.1)
    axes.plot(
        r,
        rows,
        color=style.colour,
        marker=style.marker,
        linestyle="none",
        markersize=5,
        label=format_label(name, 28) if not alone else f"model {format_label(name, 28)}",
    )
    for row in np.flatnonzero(~np.isfinite(r)):
        axes.text(0.01, row, "r undefined: constant", va="center", fontsize=7, color=QUIET)


def _write_values(axes: Axes, r: np.ndarray) -> None:
    """Write each value at the right edge, outside the data."""
    style = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 7, "color": INK}
    for row in np.flatnonzero(np.isfinite(r)):
        axes.text(1.01, row, f"{r[row]:.2f}", **style)


def _plot_ceiling(axes: Axes, ceiling: np.ndarray, *, tall: bool) -> None:
    known = np.flatnonzero(np.isfinite(ceiling))
    if known.size:
        style = {"color": INK, "marker": "|", "markeredgewidth": 1.8, "linestyle": "none"}
        axes.plot(ceiling[known], known, markersize=18 if tall else 11, **style)
        axes.plot([], [], markersize=9, label="ceiling: what noise allows", **style)


def _plot_order(
    metrics: Mapping[str, pd.DataFrame], baseline: pd.DataFrame | None, baseline_name: str
) -> Figure:
    """Draw r against its rank, for more targets than can be named."""
    figure = make_figure(8, 4, "Pearson's r of all targets (log1p coverage), best first")
    axes = figure.subplots()
    for index, (name, table) in enumerate(metrics.items()):
        r, style = _rank(table[R]), style_of(index)
        label = f"{name} (median {np.median(r):.2f})" if r.size else f"{name} (no r)"
        _plot_ranks(axes, r, label, color=style.colour, marker=style.marker)
    if baseline is not None:
        _plot_ranks(axes, _rank(baseline[R]), baseline_name, color=QUIET, marker="x")
    first = next(iter(metrics.values()))
    ceiling = _rank(first[f"ceiling_{R}"]) if f"ceiling_{R}" in first else np.array([])
    if ceiling.size:
        _plot_ranks(axes, ceiling, "ceilings, highest first", color=INK, linestyle=":")
    style_axes(axes)
    axes.set_ylim(_lower_limit(list(metrics.values())), 1)
    axes.set_xlabel("rank of the target")
    axes.set_ylabel("Pearson's r (log1p coverage)")
    _add_legend(figure, axes)
    return figure


def _rank(values: pd.Series) -> np.ndarray:
    return np.sort(values.dropna().to_numpy(float))[::-1]


def _plot_ranks(axes: Axes, values: np.ndarray, label: str, **style: str) -> None:
    step = max(len(values) // 12, 1)
    axes.plot(np.arange(1, len(values) + 1), values, markevery=step, label=label, **style)


def _add_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        style = {"loc": "outside lower center", "frameon": False, "fontsize": 8}
        figure.legend(handles, [format_label(label, 40) for label in labels], ncols=3, **style)
