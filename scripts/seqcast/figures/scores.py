"""How well each target is predicted."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqcast.figures.style import (
    INK,
    MODEL_STYLES,
    QUIET,
    RULE,
    format_label,
    make_figure,
    style_axes,
    write_note,
)

# Above this many targets names cannot be read, and the order alone is drawn.
MOST_NAMED = 80
_MOST_IN_COLUMN = 30


def plot_metrics(metrics: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot Pearson's r of each target, raw coverage, one marker a model, best target on top.

    `metrics` holds a table a model, a row a target, all in the same order, with the columns
    `target`, `pearson_r` and `ceiling_pearson_r` (NaN where unknown: no tick is drawn).
    """
    tables = list(metrics.values())
    count = len(tables[0]) if tables else 0
    if count > MOST_NAMED:
        return _plot_order(metrics)
    columns = 2 if count > _MOST_IN_COLUMN else 1
    rows = -(-max(count, 1) // columns)
    figure = make_figure(
        10 if columns > 1 else 8,
        1.6 + 0.21 * rows,
        "Pearson's r of each target, predicted against observed",
    )
    panels = figure.subplots(1, columns, squeeze=False)[0]
    mean_r = _mean_over_models(tables)
    order = np.argsort(-mean_r, kind="stable")
    limit = _lower_limit(tables)
    for place, axes in enumerate(panels):
        _plot_targets(axes, metrics, order[place * rows : (place + 1) * rows], rows)
        axes.set_xlim(limit, 1.0)
    _add_legend(figure, panels[0])
    return figure


def _mean_over_models(tables: list[pd.DataFrame]) -> np.ndarray:
    """Average r over models, (targets,); NaN where no model has one."""
    if not tables:
        return np.array([])
    stacked = pd.concat([table["pearson_r"].reset_index(drop=True) for table in tables], axis=1)
    return stacked.mean(axis=1).to_numpy(float)


def _lower_limit(tables: list[pd.DataFrame]) -> float:
    lowest = min((table["pearson_r"].min() for table in tables), default=0.0)
    return min(0.0, np.floor(lowest * 10) / 10) if np.isfinite(lowest) else 0.0


def _plot_targets(
    axes: Axes, metrics: Mapping[str, pd.DataFrame], shown: np.ndarray, rows: int
) -> None:
    """Draw the targets `shown` (places in the tables), one line each, first on top."""
    style_axes(axes, grid="x")
    axes.set_xlabel("Pearson's r (raw coverage)")
    axes.set_ylabel("target")
    axes.set_ylim(rows - 0.4, -0.6)
    if not len(shown):
        write_note(axes, "no targets")
        return
    first = next(iter(metrics.values()))
    names = [format_label(str(first["target"].iloc[place]), 32) for place in shown]
    axes.set_yticks(np.arange(len(shown)), names, fontsize=8 if rows <= 20 else 7)
    axes.tick_params(axis="y", length=0)
    for place, (name, table) in enumerate(metrics.items()):
        colour, marker = MODEL_STYLES[place % len(MODEL_STYLES)]
        r = table["pearson_r"].to_numpy(float)[shown]
        if len(metrics) == 1:
            axes.hlines(np.arange(len(r)), 0, np.nan_to_num(r), color=RULE, linewidth=3)
            _write_values(axes, r)
        style = {"color": colour, "marker": marker, "linestyle": "none"}
        axes.plot(r, np.arange(len(r)), markersize=5, label=f"model {name}", **style)
        for row in np.flatnonzero(~np.isfinite(r)):
            axes.text(0.01, row, "r undefined: constant", va="center", fontsize=7, color=QUIET)
    _plot_ceiling(axes, first["ceiling_pearson_r"].to_numpy(float)[shown])


def _write_values(axes: Axes, r: np.ndarray) -> None:
    """Write each value at the right edge, outside the data."""
    for row in np.flatnonzero(np.isfinite(r)):
        axes.text(
            1.01,
            row,
            f"{r[row]:.2f}",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=7,
            color=INK,
        )


def _plot_ceiling(axes: Axes, ceiling: np.ndarray) -> None:
    known = np.flatnonzero(np.isfinite(ceiling))
    if known.size:
        style = {"color": INK, "marker": "|", "markersize": 11, "markeredgewidth": 1.8}
        label = "ceiling: the most that noise allows"
        axes.plot(ceiling[known], known, linestyle="none", label=label, **style)


def _plot_order(metrics: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw r against its rank, for more targets than can be named."""
    figure = make_figure(8, 4, "Pearson's r of all targets, best first")
    axes = figure.subplots()
    for place, (name, table) in enumerate(metrics.items()):
        r = np.sort(table["pearson_r"].dropna().to_numpy(float))[::-1]
        colour, marker = MODEL_STYLES[place % len(MODEL_STYLES)]
        step = max(len(r) // 12, 1)
        label = f"model {name} (median {np.median(r):.2f})" if r.size else f"model {name} (no r)"
        axes.plot(
            np.arange(1, len(r) + 1), r, color=colour, marker=marker, markevery=step, label=label
        )
    ceiling = next(iter(metrics.values()))["ceiling_pearson_r"].dropna().to_numpy(float)
    if ceiling.size:
        ranks = np.arange(1, ceiling.size + 1)
        label = "ceilings, highest first"
        axes.plot(ranks, np.sort(ceiling)[::-1], color=INK, linestyle=":", label=label)
    style_axes(axes)
    axes.set_ylim(_lower_limit(list(metrics.values())), 1)
    axes.set_xlabel("rank of the target")
    axes.set_ylabel("Pearson's r (raw coverage)")
    _add_legend(figure, axes)
    return figure


def _add_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        labels = [format_label(label, 40) for label in labels]
        figure.legend(
            handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8
        )
