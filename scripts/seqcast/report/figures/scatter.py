"""Predicted against observed coverage, bin by bin."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from seqcast.data import Dataset
from seqcast.data.predictions import Predictions
from seqcast.evaluate.metrics import log1p
from seqcast.report.figures.pairs import Pairs, read_pairs
from seqcast.report.figures.panels import MOST_PANELS, make_panels
from seqcast.tracks.style import (
    INK,
    QUIET,
    choose_ranked,
    format_label,
    format_r,
    style_axes,
    write_note,
)

_CELLS = 64
# Lightness alone tells the counts apart, so no eye and no printer confuses them.
_COLOURS = LinearSegmentedColormap.from_list("slate", ["#ccd6e0", "#7d93aa", "#3a536e", "#0d1c30"])


def plot_scatter(
    dataset: Dataset,
    predictions: Predictions,
    metrics: pd.DataFrame,
    *,
    targets: Sequence[int] | None = None,
    pairs: Pairs | None = None,
    title: str = "Predicted against observed coverage",
) -> Figure:
    """Plot how many bins have each pair of observed and predicted coverage, a panel a target.

    Both axes are log(1 + coverage / training mean) with ticks in coverage a bin, and so is the r in
    each panel. `targets` are indices into the targets table; None: at most twelve of `metrics` by
    `pearson_r_log1p`: all, or best, middle and worst. `pairs` are those of `targets` where they
    have been read already; of very many bins they are a sample.
    """
    r = metrics["pearson_r_log1p"].to_numpy(float)
    shown = choose_ranked(r, MOST_PANELS) if targets is None else list(targets)
    pairs = pairs or read_pairs(dataset, predictions, shown)
    figure, panels = make_panels(
        len(shown),
        title,
        "observed coverage a bin (log1p scale)",
        "predicted coverage a bin (log1p scale)",
        right=1.05,
    )
    counts = [
        _plot_one(axes, pairs, column, dataset.targets.identifier[target], float(r[target]))
        for column, (axes, target) in enumerate(zip(panels, shown, strict=False))
    ]
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    _share_colours(figure, panels[: len(shown)], counts)
    return figure


def _plot_one(axes: Axes, pairs: Pairs, column: int, name: str, r: float) -> int:
    """Draw one target; returns the number of bins in its fullest cell."""
    observed, predicted = pairs.known(column)
    style_axes(axes, grid="")
    axes.set_title(format_label(name, 30), fontsize=8, loc="left")
    axes.set_aspect("equal")
    if not observed.size:
        write_note(axes, "no bins with known coverage")
        return 0
    mean = float(pairs.mean[column])
    x, y = log1p(observed, mean), log1p(predicted, mean)
    top = max(x.max(), y.max(), 1e-6) * 1.02
    edges = np.linspace(0, top, _CELLS + 1)
    count_OP, _, _ = np.histogram2d(x, y, bins=(edges, edges))
    axes.pcolormesh(edges, edges, np.ma.masked_equal(count_OP.T, 0), cmap=_COLOURS, rasterized=True)
    axes.plot([0, top], [0, top], color=INK, linewidth=0.9, linestyle="--")
    # Round numbers, of the size of the mean: where the axis turns from linear to logarithmic.
    decade = 10.0 ** np.round(np.log10(mean))
    ticks = choose_ticks(float(np.expm1(top)) * mean / decade) * decade
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(log1p(ticks, mean), [f"{tick:,g}" for tick in ticks])
    axes.set(xlim=(0, top), ylim=(0, top))
    _write_r(axes, r)
    return int(count_OP.max())


def _write_r(axes: Axes, r: float) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    axes.text(
        0.04, 0.96, format_r(r), transform=axes.transAxes, va="top", fontsize=9, color=INK, bbox=box
    )


def choose_ticks(top: float) -> np.ndarray:
    """Return round values from 0 to `top` that lie apart on a log1p axis."""
    if top <= 4:
        step = 10.0 ** np.floor(np.log10(max(top, 1e-9)))
        step = step if top / step >= 2 else step / 2
        return np.arange(0, top + step / 1e6, step)
    decades = np.arange(0, np.log10(top) + 1)
    ticks = np.concatenate([[0], *([10**decade, 3 * 10**decade] for decade in decades)])
    ticks = ticks[ticks <= top]
    return ticks if len(ticks) <= 6 else np.concatenate([[0], ticks[1::2]])


def _share_colours(figure: Figure, panels: np.ndarray, counts: list[int]) -> None:
    """Give all panels one scale of colours and say what it and the dashed line mean."""
    norm = LogNorm(1, max([*counts, 2]))
    for axes in panels:
        for mesh in axes.collections:
            mesh.set_norm(norm)
    if not len(panels):
        return
    width, height = figure.get_size_inches()
    tall = min(3.0, 0.7 * height)
    box = (1 - 0.8 / width, 0.5 - tall / 2 / height, 0.16 / width, tall / height)
    bar = figure.colorbar(ScalarMappable(norm, _COLOURS), cax=figure.add_axes(box))
    bar.set_label("bins in a cell (log scale)", fontsize=9, color=INK)
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(labelsize=8, color=QUIET)
    bar.outline.set_visible(False)
    lines = panels[0].get_lines()
    if lines:
        label = "dashed: predicted = observed"
        spot = (0.02 / width, 1 - 0.32 / height)
        style = {"loc": "upper left", "borderaxespad": 0, "frameon": False, "fontsize": 8}
        figure.legend(lines, [label], bbox_to_anchor=spot, **style)
