"""What motifs do to targets, as a map of colours, and how pairs of them work by distance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from seqcast.report.figures.logos import make_letter
from seqcast.report.motif_words import format_fold
from seqcast.tracks.letters import COLOURS
from seqcast.tracks.style import (
    INK,
    QUIET,
    format_label,
    make_figure,
    style_axes,
    style_of,
)

# More numbers than those of so many columns cannot be read.
_MOST_WRITTEN = 12
# From dark blue, a fold less, over white to dark orange, a fold more.
_STOPS = ("#053a5c", "#0072B2", "#9cc9e3", "#ffffff", "#f6b98f", "#D55E00", "#6e2c00")
# PNGs have few colours; an odd number, so that white is 1.
_COLOURS = 65
# The scale reaches two-fold at least: what is nothing is to look like nothing.
_LEAST_END = float(np.log(2))
# What two motifs do together is drawn on a scale of a quarter more and less at least.
_LEAST_FOLD = float(np.log(1.25))
_EDGE = "#eceef0"
_BITS = 2.0
# Inches that the longest logo is wide, and letters that are not drawn wider than so many would be.
_LOGO, _FEW_LETTERS = 2.1, 14


@dataclass(frozen=True)
class HeatMap:
    """Effects of motifs (rows) on targets, (M, T) natural logarithms; `is_sure`: not by chance.

    `logos` have the letters' heights of each motif, (width, 4) bits.
    """

    motifs: Sequence[str]
    targets: Sequence[str]
    logos: Sequence[np.ndarray]
    effect: np.ndarray
    is_sure: np.ndarray


@dataclass(frozen=True)
class Course:
    """How two motifs work together by distance (D,): synergy with its interval, on one target.

    `additive` is the synergy of motifs each of which only adds coverage of its own.
    """

    first: str
    second: str
    target: str
    distance: np.ndarray
    synergy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    additive: np.ndarray


def plot_heat_map(shown: HeatMap, title: str) -> Figure:
    """Plot a row a motif with its logo, a column a target, coloured by the fold change.

    Where there is room it is written too, of those that are sure.
    """
    rows, columns = shown.effect.shape
    wide = columns <= _MOST_WRITTEN
    across, down = (0.62, 0.4) if wide else (max(0.17, min(0.4, 7.0 / columns)), 0.3)
    # Room for names: an eighth of an inch for two letters.
    names = max(len(format_label(name, 20)) for name in shown.motifs) / 16 + 0.35
    heads = max(len(format_label(name, 24)) for name in shown.targets) / 16
    left, right, bottom = 0.15 + _LOGO + names, 1.15, 0.2
    top = 0.6 + heads * (0.75 if wide else 1.0)
    width, height = left + across * columns + right, top + down * rows + bottom
    figure = make_figure(max(width, 7.0), height, title, layout="none")
    width = max(width, 7.0)

    def add_axes(x: float, y: float, w: float, h: float) -> Axes:
        """Add axes at x and y, so wide and high, in inches."""
        return figure.add_axes((x / width, y / height, w / width, h / height))

    cells = add_axes(left, bottom, across * columns, down * rows)
    end = max(float(np.nanmax(np.abs(shown.effect), initial=0)), _LEAST_END)
    colours = LinearSegmentedColormap.from_list("fold", _STOPS, _COLOURS)
    image = cells.pcolormesh(
        np.arange(columns + 1), np.arange(rows + 1), shown.effect, cmap=colours,
        norm=Normalize(-end, end), edgecolors=_EDGE, linewidth=1 if wide else 0.4,
    )  # fmt: skip
    _name_cells(cells, shown, wide=wide)
    _write_cells(cells, shown, end, wide=wide)
    longest = max([_FEW_LETTERS, *map(len, shown.logos)])
    for row, (name, bits) in enumerate(zip(shown.motifs, shown.logos, strict=True)):
        y = bottom + (rows - 1 - row) * down
        # Letters are as wide in all rows, and end before the names.
        long = _LOGO * len(bits) / longest
        draw_logo(add_axes(0.15 + _LOGO - long, y + 0.08 * down, long, 0.84 * down), bits, _BITS)
        cells.annotate(
            format_label(name, 20), (0, row + 0.5), (-6, 0), textcoords="offset points",
            ha="right", va="center", fontsize=8, color=INK, annotation_clip=False,
        )  # fmt: skip
    tall = min(max(down * rows, 1.2), 3.0)
    bar = figure.colorbar(
        image, cax=add_axes(left + across * columns + 0.25, bottom + down * rows - tall, 0.14, tall)
    )
    bar.ax.yaxis.set_major_locator(FixedLocator(_choose_ticks(end)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_fold(value)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(labelsize=8, color=QUIET, labelcolor=INK)
    bar.outline.set_visible(False)
    return figure


def _name_cells(axes: Axes, shown: HeatMap, *, wide: bool) -> None:
    axes.invert_yaxis()
    axes.set_yticks([])
    axes.xaxis.tick_top()
    labels = [format_label(name, 24) for name in shown.targets]
    size = 8 if len(labels) <= 24 else 6
    angle = 45 if wide else 90
    axes.set_xticks(
        np.arange(len(labels)) + 0.5, labels, fontsize=size, rotation=angle,
        ha="left" if wide else "center", va="bottom", rotation_mode="anchor" if wide else "default",
    )  # fmt: skip
    axes.tick_params(length=0, labelcolor=INK, pad=2)
    axes.spines[:].set_visible(False)


def _write_cells(axes: Axes, shown: HeatMap, end: float, *, wide: bool) -> None:
    for (row, column), value in np.ndenumerate(shown.effect):
        if not shown.is_sure[row, column]:
            continue
        style = {
            "ha": "center",
            "va": "center",
            "color": "white" if abs(value) > 0.55 * end else INK,
        }
        text, size = (format_fold(value), 7.5) if wide else ("•", 5)
        axes.text(column + 0.5, row + 0.5, text, fontsize=size, **style)


def draw_logo(axes: Axes, heights: np.ndarray, top: float) -> None:
    """Draw stacked letters, (width, 4) heights, the highest on top; `top` fills the panel."""
    axes.set_xlim(0, len(heights))
    axes.set_ylim(0, top)
    axes.set_axis_off()
    for code, base in enumerate("ACGT"):
        paths = []
        for at, column in enumerate(heights):
            below = (
                column[column < column[code]].sum()
                + column[:code][column[:code] == column[code]].sum()
            )
            if column[code] > 0.01 * top:
                path = make_letter(base, at, float(column[code]))
                path.vertices[:, 1] += below
                paths.append(path)
        axes.add_collection(PathCollection(paths, color=COLOURS[base], linewidths=0), autolim=False)


def _choose_ticks(end: float) -> list[float]:
    """Return the logarithms of folds 1, 2, 4 ... or 1, 4, 16 ... to either side."""
    steps = np.arange(int(end / np.log(2)) + 1)
    steps = steps[:: 1 if len(steps) <= 4 else 2]
    ticks = steps * np.log(2)
    return sorted({*ticks.tolist(), *(-ticks).tolist()})


def plot_courses(courses: Sequence[Course], title: str) -> Figure:
    """Plot a panel a pair: synergy against distance with its band, and what adding would give."""
    columns = min(len(courses), 2)
    rows = -(-len(courses) // columns)
    figure = make_figure(5 * columns, (0.8 if columns > 1 else 1.0) + 2.5 * rows, title)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    own = style_of(0)
    for axes, each in zip(panels, courses, strict=False):
        style_axes(axes)
        axes.set_xscale("log")
        axes.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
        axes.fill_between(
            each.distance, each.low, each.high, color=own.colour, alpha=0.2, linewidth=0
        )
        axes.plot(
            each.distance, each.synergy, color=own.colour, marker="o", markersize=3,
            linewidth=1.4, label="both, against the product of each alone",
        )  # fmt: skip
        axes.plot(
            each.distance, each.additive, color=QUIET, linewidth=1.1, linestyle=(0, (4, 2)),
            label="if each only added coverage of its own",
        )  # fmt: skip
        axes.set_title(
            f"{format_label(each.first, 16)} with {format_label(each.second, 16)} at a distance\n"
            f"on {format_label(each.target, 34)}",
            loc="left", fontsize=8.5, color=INK,
        )  # fmt: skip
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        low, high = _choose_limits(each)
        axes.set_ylim(low, high)
        axes.yaxis.set_major_locator(FixedLocator(_choose_even_ticks(low, high)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_fold(value)))
    for axes in panels[len(courses) :]:
        axes.set_axis_off()
    for axes in panels[max(len(courses) - columns, 0) : len(courses)]:
        axes.set_xlabel("bases between the motifs' middles")
    figure.supylabel("fold", fontsize=9, color=INK)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", frameon=False, fontsize=8, ncols=columns
    )
    return figure


def _choose_limits(course: Course) -> tuple[float, float]:
    """Return the ends of a panel's axis, a quarter to either side at least."""
    values = np.concatenate([course.synergy, course.low, course.high, course.additive])
    ends = np.nanmin([*values, -_LEAST_FOLD]), np.nanmax([*values, _LEAST_FOLD])
    room = 0.06 * (ends[1] - ends[0])
    return float(ends[0] - room), float(ends[1] + room)


def _choose_even_ticks(low: float, high: float) -> list[float]:
    """Return the logarithms of round folds within limits."""
    folds = [1.2, 1.5, 2, 3, 4, 8, 16] if high - low < 2 else [2, 4, 8, 16]
    logs = np.log([*(1 / np.array(folds)), 1, *folds])
    return [float(each) for each in logs if low <= each <= high]
