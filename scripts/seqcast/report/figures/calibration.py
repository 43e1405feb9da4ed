"""Calibration: what was observed, on the mean, where so much was predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from seqcast.report.figures.groups import number_groups
from seqcast.report.figures.pairs import Pairs
from seqcast.report.figures.panels import make_panels
from seqcast.tracks.style import (
    INK,
    Style,
    format_label,
    style_axes,
    style_of,
    write_note,
)

# Bounds of the groups: finer where predictions are high, because there the peaks are.
_QUANTILES = (*np.arange(1, 10) / 10, 0.95, 0.98, 0.99, 0.995)
# What lies further below the highest mean is drawn at the edge.
_DEPTH = 1e-4


@dataclass(frozen=True)
class Calibration:
    """Mean predicted and mean observed coverage of groups of bins, (groups,) float64 each.

    Groups are in the order of the prediction; `count` says how many bins each has.
    """

    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray

    @property
    def top_ratio(self) -> float:
        """Predicted over observed mean where predictions are highest; NaN where undefined."""
        if not len(self.count) or self.observed[-1] <= 0:
            return float("nan")
        return float(self.predicted[-1] / self.observed[-1])


def compute_calibration(observed: np.ndarray, predicted: np.ndarray) -> Calibration:
    """Group bins (bins,) by quantiles of the prediction and average both in each group.

    Bins of the same prediction stay together; a group has at least 20 bins, or all there are.
    """
    group = number_groups(predicted, _QUANTILES)
    count = np.bincount(group)
    sums = [np.bincount(group, values) for values in (predicted, observed)]
    return Calibration(sums[0] / count, sums[1] / count, count)


def compute_calibrations(pairs: Pairs) -> list[Calibration]:
    """Return the calibration of each target of `pairs`."""
    return [compute_calibration(*pairs.known(column)) for column in range(len(pairs.targets))]


def plot_calibration(
    names: Sequence[str],
    curves: Mapping[str, Sequence[Calibration]],
    *,
    styles: Mapping[str, Style] | None = None,
    title: str = "Calibration: observed against predicted means",
) -> Figure:
    """Plot mean observed against mean predicted coverage, a panel a target, a line a model.

    Both axes are logarithmic, a dot is a group of bins; the dashed line is observed = predicted.
    `curves` holds a calibration for each of the targets `names`, by model; `styles` says how each
    model is drawn, None: in their order.
    """
    styles = styles or {model: style_of(index) for index, model in enumerate(curves)}
    figure, panels = make_panels(
        len(names),
        title,
        "mean predicted coverage a bin (log scale)",
        "mean observed coverage a bin (log scale)",
        right=0.35,
    )
    for index, (axes, name) in enumerate(zip(panels, names, strict=False)):
        style_axes(axes, grid="")
        axes.set_title(format_label(name, 30), fontsize=8, loc="left")
        _plot_target(axes, {model: each[index] for model, each in curves.items()}, styles)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    _add_legend(figure, styles, list(curves))
    return figure


def _plot_target(
    axes: Axes, curves: Mapping[str, Calibration], styles: Mapping[str, Style]
) -> None:
    values = [v for each in curves.values() for v in (*each.predicted, *each.observed) if v > 0]
    axes.set_box_aspect(1)
    if not values:
        write_note(axes, "nothing observed\nor predicted")
        axes.set(xticks=[], yticks=[])
        return
    top = max(values) * 1.6
    low = min(max(min(values), top * _DEPTH), top / 10) / 1.6
    axes.set(xscale="log", yscale="log", xlim=(low, top), ylim=(low, top))
    axes.plot([low, top], [low, top], color=INK, linewidth=0.9, linestyle="--")
    for model, each in curves.items():
        _plot_curve(axes, each, styles[model], low)
    for axis in (axes.xaxis, axes.yaxis):
        decades = np.log10(top / low)
        axis.set_major_locator(LogLocator(10, subs=(1, 3) if decades < 2 else (1,), numticks=6))
        axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axis.set_minor_locator(NullLocator())


def _plot_curve(axes: Axes, each: Calibration, style: Style, low: float) -> None:
    """Draw a model's groups; a hollow mark at the edge stands for a mean of about 0."""
    x, y = np.maximum(each.predicted, low), np.maximum(each.observed, low)
    inside = (each.predicted >= low) & (each.observed >= low)
    axes.plot(x, y, color=style.colour, linewidth=1.2, linestyle=style.linestyle)
    mark = {"linestyle": "none", "marker": style.marker, "markersize": 4, "color": style.colour}
    axes.plot(x[inside], y[inside], **mark)
    axes.plot(x[~inside], y[~inside], fillstyle="none", clip_on=False, **mark)


def _add_legend(figure: Figure, styles: Mapping[str, Style], models: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=INK, linewidth=0.9, linestyle="--", label="dashed: as predicted")
    ]
    for model in models:
        style = styles[model]
        label = format_label(model, 28)
        look = {"color": style.colour, "marker": style.marker, "markersize": 4, "linewidth": 1.2}
        handles.append(Line2D([], [], linestyle=style.linestyle, label=label, **look))
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles,
        bbox_to_anchor=(0.02 / width, 1 - 0.32 / height),
        loc="upper left",
        borderaxespad=0,
        frameon=False,
        fontsize=8,
        ncols=len(handles),
        labelcolor=INK,
        handlelength=3,
    )
