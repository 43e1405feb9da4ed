"""Which bases matter: letters as high as they add to a prediction, above the coverage there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from seqcast.tracks.letters import COLOURS, LETTERS
from seqcast.tracks.style import (
    INK,
    OBSERVED,
    PREDICTED,
    QUIET,
    RULE,
    format_label,
    make_figure,
    style_axes,
    write_note,
)

# Lower letters than this share of the highest are but a line.
_LEAST = 0.004
# No letter fills its panel by less than one percent of coverage: noise is to look like noise.
_LEAST_HEIGHT = 0.01


@dataclass(frozen=True)
class Logo:
    """Bases from `start` on with their contributions (bases,), and coverage (bins,) around them.

    `edges` (bins + 1,) bound the bins of what was observed and predicted, in bases.
    """

    title: str
    start: int
    bases: str
    contributions: np.ndarray
    edges: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray


def plot_logos(title: str, logos: Sequence[Logo]) -> Figure:
    """Plot places one below the other: the letters, and below them the coverage around.

    The letters of all places share a scale: a contribution is to the natural logarithm of what is
    predicted. Where it is negative the letter hangs upside down.
    """
    figure = make_figure(10, 0.7 + 1.75 * len(logos), title)
    heights = [3, 2] * len(logos)
    rows = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    every = np.concatenate([logo.contributions for logo in logos])
    high, low = np.nanmax(every, initial=_LEAST_HEIGHT), np.nanmin(every, initial=0.0)
    for logo, letters, coverage in zip(logos, rows[::2], rows[1::2], strict=True):
        _draw_letters(letters, logo, (low * 1.05, high * 1.05))
        _draw_coverage(coverage, logo)
        letters.set_ylabel("log", fontsize=8)
        coverage.set_ylabel("coverage", fontsize=8)
        _join(figure, letters, coverage, logo)
    figure.align_ylabels()
    handles, labels = rows[1].get_legend_handles_labels()
    style = {"loc": "outside lower center", "frameon": False, "fontsize": 8, "ncols": 3}
    if handles:
        figure.legend(handles, labels, **style)
    return figure


def make_letter(base: str, left: float, height: float) -> Path:
    """Return the outlines of a base's letter, one wide, from zero up or down to its height."""
    points, codes = [], []
    for outline in LETTERS.get(base, [[(0, 0), (1, 0), (1, 1), (0, 1)]]):
        points += [(left + 0.96 * x, y * height) for x, y in [*outline, outline[0]]]
        codes += [Path.MOVETO, *[Path.LINETO] * (len(outline) - 1), Path.CLOSEPOLY]
    return Path(points, codes)


def _draw_letters(axes: Axes, logo: Logo, limits: tuple[float, float]) -> None:
    style_axes(axes, grid="")
    axes.set_title(format_label(logo.title, 110), loc="left", fontsize=8, color=INK, pad=3)
    axes.set_xlim(logo.start, logo.start + len(logo.bases))
    axes.set_ylim(limits)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    axes.axhline(0, color=QUIET, linewidth=0.6, zorder=1)
    seen = np.abs(np.nan_to_num(logo.contributions)) > _LEAST * (limits[1] - limits[0])
    for base in sorted(set(logo.bases)):
        paths = [
            make_letter(base, logo.start + index, value)
            for index, value in enumerate(logo.contributions)
            if seen[index] and logo.bases[index] == base
        ]
        letters = PathCollection(paths, color=COLOURS.get(base, QUIET), linewidths=0, zorder=2)
        letters.set_gid(f"base {base}")
        axes.add_collection(letters, autolim=False)


def _draw_coverage(axes: Axes, logo: Logo) -> None:
    style_axes(axes)
    axes.set_xlim(logo.edges[0], logo.edges[-1])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10]))
    end = logo.start + len(logo.bases)
    axes.axvspan(logo.start, end, color=RULE, linewidth=0, zorder=0)
    values = np.concatenate([logo.observed, logo.predicted])
    if not np.isfinite(values).any():
        write_note(axes, "the exported tracks have no coverage of it here")
        return
    area = {"fill": True, "color": OBSERVED, "alpha": 0.45, "label": "observed (area)"}
    axes.stairs(logo.observed, logo.edges, **area)
    line = {"baseline": None, "color": PREDICTED, "linewidth": 1.2}
    axes.stairs(logo.predicted, logo.edges, label="predicted (line)", **line)
    axes.set_ylim(0, max(float(np.nanmax(values)) * 1.08, 1e-6))


def _join(figure: Figure, letters: Axes, coverage: Axes, logo: Logo) -> None:
    """Draw lines from both ends of the letters to where they lie in the coverage."""
    low, high = letters.get_ylim()[0], coverage.get_ylim()[1]
    for base in (logo.start, logo.start + len(logo.bases)):
        ends = {"xyA": (base, low), "coordsA": letters.transData}
        ends |= {"xyB": (base, high), "coordsB": coverage.transData}
        figure.add_artist(ConnectionPatch(**ends, color=RULE, linewidth=0.8))
