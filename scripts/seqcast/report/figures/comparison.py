"""Models beside the baselines and the ceiling, over all targets."""

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
)

_COLUMNS = {"pearson_r_log1p": "log1p coverage", "pearson_r": "raw coverage: peaks rule"}
_GREY = "#b9bdc2"


def plot_comparison(
    models: Mapping[str, pd.DataFrame], baselines: Mapping[str, pd.DataFrame] | None = None
) -> Figure:
    """Plot the mean of Pearson's r over targets, a bar a model, the best on top, baselines grey.

    The tables are those of `metrics.tsv`; a dashed line is the mean ceiling, where all targets
    have one. Whiskers are the mean ends of the targets' intervals.
    """
    rows = [(name, table, style_of(at).colour) for at, (name, table) in enumerate(models.items())]
    rows.sort(key=lambda row: -np.nan_to_num(_mean(row[1], "pearson_r_log1p"), nan=-2))
    rows += [(name, table, _GREY) for name, table in (baselines or {}).items()]
    figure = make_figure(9, 1.5 + 0.3 * max(len(rows), 1), "Pearson's r, mean over targets")
    panels = figure.subplots(1, 2, sharey=True)
    names = [format_label(name, 26) for name, _, _ in rows]
    panels[0].set_yticks(np.arange(len(rows)), names, fontsize=8)
    panels[0].set_ylim(len(rows) - 0.45, -0.55)
    for axes, (column, label) in zip(panels, _COLUMNS.items(), strict=True):
        style_axes(axes, grid="x")
        axes.set_xlabel(f"mean r ({label})")
        axes.tick_params(axis="y", length=0)
        _plot_bars(axes, rows, column)
        _plot_ceiling(axes, rows, column)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        style = {"loc": "outside lower center", "frameon": False, "fontsize": 8}
        figure.legend(handles, labels, **style)
    return figure


def _plot_bars(axes: Axes, rows: list[tuple[str, pd.DataFrame, str]], column: str) -> None:
    means = np.array([_mean(table, column) for _, table, _ in rows])
    for row, (_, table, colour) in enumerate(rows):
        if not np.isfinite(means[row]):
            axes.text(0.01, row, "r undefined", va="center", fontsize=7, color=QUIET)
            continue
        axes.barh(row, means[row], height=0.62, color=colour)
        ends = _mean(table, f"{column}_low"), _mean(table, f"{column}_high")
        if np.isfinite(ends).all():
            axes.hlines(row, *ends, color=INK, linewidth=1.1)
        style = {"va": "center", "fontsize": 8, "color": INK}
        beside = axes.get_yaxis_transform()
        axes.text(1.01, row, f"{means[row]:.2f}", transform=beside, **style)
    low = np.nanmin(means, initial=0.0)
    axes.set_xlim(min(0.0, np.floor(low * 10) / 10), 1)
    axes.axvline(0, color=RULE, linewidth=0.8)


def _plot_ceiling(axes: Axes, rows: list[tuple[str, pd.DataFrame, str]], column: str) -> None:
    table = rows[0][1] if rows else pd.DataFrame({column: []})
    # The ceiling of some of the targets is not that of the mean over all of them.
    known = table.get(f"ceiling_{column}", pd.Series(np.nan, table.index)).notna()
    if len(table) and known[table[column].notna()].all() and known.any():
        ceiling = _mean(table, f"ceiling_{column}")
        label = "ceiling: what the noise in the data allows"
        axes.axvline(ceiling, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label=label)


def _mean(table: pd.DataFrame, column: str) -> float:
    return float(table[column].mean()) if column in table else float("nan")
