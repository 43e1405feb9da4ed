"""What variants do: effects of all of them by target, and predicted against true ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from seqcast.report.figures.panels import make_panels
from seqcast.tracks.style import (
    INK,
    PREDICTED,
    QUIET,
    format_label,
    make_figure,
    style_axes,
    write_note,
)

# Of more variants those in the middle are a sample: their dots would be one blot.
_MOST_DOTS, _EXTREMES = 2_000, 200
# Narrower effects than this fill no axis: what is nothing is to look like nothing.
_LEAST_WIDTH = 0.25


@dataclass(frozen=True)
class Effects:
    """A target's effects: `lfc` of all alleles (n,), and of the top ones (k,) with `spread`.

    `label` names the first of the top.
    """

    target: str
    lfc: np.ndarray
    top: np.ndarray
    spread: np.ndarray
    label: str


@dataclass(frozen=True)
class Truth:
    """Predicted and true lfc of a target, (n,) each; r with its 95 % interval.

    `in_site` (n,) bool says which lie in a motif site.
    """

    target: str
    predicted: np.ndarray
    true: np.ndarray
    in_site: np.ndarray
    r: float
    low: float
    high: float


def plot_effects(targets: Sequence[Effects], title: str) -> Figure:
    """Plot a row a target: every variant a grey dot at its lfc, the top ones with their spread.

    Dots are moved up and down by chance, so that few hide each other.
    """
    figure = make_figure(10, 1.5 + 0.5 * max(len(targets), 1), title)
    axes = figure.subplots()
    style_axes(axes, grid="x")
    axes.set_ylim(len(targets) - 0.5, -0.5)
    axes.set_yticks(
        range(len(targets)), [format_label(each.target, 26) for each in targets], fontsize=8
    )
    axes.set_xlabel("lfc: log2 of predicted coverage, ALT over REF")
    low, high = _choose_limits(targets)
    axes.set_xlim(low, high)
    axes.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
    rng = np.random.default_rng(0)
    for row, each in enumerate(targets):
        lfc = _thin(each.lfc[np.isfinite(each.lfc)])
        heights = row + rng.uniform(-0.3, 0.3, len(lfc))
        axes.scatter(lfc, heights, s=9, color=QUIET, alpha=0.35, linewidths=0, rasterized=True)
        _draw_top(axes, row, each, high - low)
    _write_folds(axes, low, high)
    return figure


def _choose_limits(targets: Sequence[Effects]) -> tuple[float, float]:
    """Return the ends of the axis, with room for names beside the largest effects."""
    ends = [(-_LEAST_WIDTH, _LEAST_WIDTH)]
    for each in targets:
        known = each.lfc[np.isfinite(each.lfc)]
        spread = np.nan_to_num(each.spread[:1]).max(initial=0)
        ends.append((known.min(initial=0) - spread, known.max(initial=0) + spread))
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    signs = {np.sign(each.top[0]) for each in targets if len(each.top)}
    room = 0.32 * (high - low)
    return low - (room if -1 in signs else 0), high + (room if 1 in signs else 0)


def _thin(lfc: np.ndarray) -> np.ndarray:
    """Return the largest effects and, of many, some of the others at even ranks."""
    if len(lfc) <= _MOST_DOTS:
        return lfc
    order = np.argsort(-np.abs(lfc), kind="stable")
    others = order[_EXTREMES:]
    step = -(-len(others) // (_MOST_DOTS - _EXTREMES))
    return lfc[np.concatenate([order[:_EXTREMES], others[::step]])]


def _draw_top(axes: Axes, row: int, each: Effects, width: float) -> None:
    if not len(each.top):
        return
    heights = row + (np.arange(len(each.top)) - (len(each.top) - 1) / 2) * 0.12
    style = {"fmt": "o", "color": PREDICTED, "markersize": 4, "elinewidth": 1.1, "capsize": 2}
    axes.errorbar(each.top, heights, xerr=np.nan_to_num(each.spread), **style, zorder=3)
    side = 1 if each.top[0] >= 0 else -1
    away = each.top[0] + side * (np.nan_to_num(each.spread[0]) + 0.008 * width)
    axes.text(
        away, row, format_label(each.label, 34), ha="left" if side > 0 else "right", va="center",
        fontsize=7, color=INK, zorder=4, bbox={"facecolor": "white", "edgecolor": "none",
        "alpha": 0.7, "pad": 0.8},
    )  # fmt: skip


def _write_folds(axes: Axes, low: float, high: float) -> None:
    """Say along the top what lfc means in plain words."""
    steps = [0.25, 0.5, 1, 2, 3, 4, 5]
    step = next((each for each in steps if (high - low) / each < 5), 8)
    ticks = step * np.arange(int(low / step), int(high / step) + 1)
    upper = axes.secondary_xaxis("top")
    upper.xaxis.set_major_locator(FixedLocator(ticks))
    upper.set_xticks(ticks, [_name_fold(tick) for tick in ticks])
    upper.tick_params(labelsize=8, color=QUIET, labelcolor=INK, length=3)
    upper.spines["top"].set_visible(False)


def _name_fold(lfc: float) -> str:
    if lfc == 0:
        return "the same"
    times = f"{2 ** abs(lfc):.2g}"
    return f"{times} times as much" if lfc > 0 else f"{times} times less"


def plot_truth(targets: Sequence[Truth], title: str) -> Figure:
    """Plot predicted against true effects, a panel a target, each with r and its interval."""
    figure, panels = make_panels(len(targets), title, "true lfc", "predicted lfc")
    for axes, each in zip(panels, targets, strict=False):
        _plot_one(axes, each)
    for axes in panels[len(targets) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        width, height = figure.get_size_inches()
        style = {"loc": "upper left", "borderaxespad": 0, "frameon": False, "fontsize": 8}
        spot = (0.02 / width, 1 - 0.32 / height)
        figure.legend(handles, labels, bbox_to_anchor=spot, ncols=3, **style)
    return figure


def _plot_one(axes: Axes, each: Truth) -> None:
    style_axes(axes, grid="")
    axes.set_title(format_label(each.target, 30), fontsize=8, loc="left")
    if not len(each.true):
        write_note(axes, "no variant scored")
        return
    size = max(np.abs(each.true).max(), np.abs(each.predicted).max(), _LEAST_WIDTH) * 1.1
    axes.set(xlim=(-size, size), ylim=(-size, size), aspect="equal")
    line = {"color": INK, "linewidth": 0.9, "linestyle": "--"}
    axes.plot([-size, size], [-size, size], **line, label="dashed: predicted = true", zorder=1)
    for inside, colour, marker, label in (
        (True, PREDICTED, "o", "in a motif site"),
        (False, INK, "x", "outside of motif sites"),
    ):
        some = each.in_site == inside
        style = {"s": 16, "color": colour, "marker": marker, "alpha": 0.75}
        width = 0 if marker == "o" else 0.8
        x, y = each.true[some], each.predicted[some]
        axes.scatter(x, y, **style, linewidths=width, label=label, zorder=2)
    words = "r undefined"
    if np.isfinite(each.r):
        words = f"r {each.r:.2f}"
        if np.isfinite(each.low):
            words += f"\n{each.low:.2f} to {each.high:.2f}"
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    style = {"va": "top", "fontsize": 8, "color": INK, "bbox": box, "zorder": 3}
    axes.text(0.04, 0.97, words, transform=axes.transAxes, **style)
