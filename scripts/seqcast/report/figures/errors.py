"""Where predictions are wrong: along the GC content of a bin, and across a window."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, StrMethodFormatter

from seqcast.report.figures.profiles import Profile
from seqcast.tracks.style import (
    INK,
    OBSERVED,
    Style,
    format_label,
    make_figure,
    style_axes,
    style_of,
    write_note,
)

# A band over fewer targets would say nothing of their spread.
_LEAST_TARGETS = 4
_TICKS = (
    (0.67, 0.8, 1, 1.25, 1.5),
    (0.25, 0.33, 0.5, 0.75, 1, 1.33, 2, 3, 4),
    (0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_NEAREST, _FARTHEST = 1.3, 10.0


def plot_errors(
    gc: Mapping[str, Profile],
    distance: Mapping[str, Profile],
    *,
    styles: Mapping[str, Style] | None = None,
    title: str = "Where predictions are wrong",
) -> Figure:
    """Plot error and bias along GC content and across the window, a line a model.

    Lines are medians over targets; of a single model a band holds the middle half of four targets
    or more. The dotted line is the error of predicting each target's mean everywhere. `gc` and
    `distance` hold a profile a model; `styles` says how each is drawn, None: in their order.
    """
    styles = styles or {model: style_of(index) for index, model in enumerate(gc)}
    figure = make_figure(10, 5.6, title)
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    for column, profiles in enumerate((gc, distance)):
        scale = 1000 if column else 1
        _plot_error(panels[0, column], profiles, styles, scale)
        _plot_ratio(panels[1, column], profiles, styles, scale)
    _limit_error(panels[0, 0], [*gc.values(), *distance.values()])
    _limit_ratio(panels[1, 0], [*gc.values(), *distance.values()])
    panels[1, 0].set_xlabel("GC content of the bin (%)")
    panels[1, 1].set_xlabel("distance of the bin from the window's centre (kb)")
    panels[1, 1].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panels[0, 0].set_ylabel("error (1: predicting the mean)")
    panels[1, 0].set_ylabel("predicted / observed coverage")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        style = {"loc": "outside lower center", "frameon": False, "fontsize": 8, "handlelength": 3}
        figure.legend(handles, labels, ncols=3, **style)
    return figure


def _plot_error(
    axes: Axes, profiles: Mapping[str, Profile], styles: Mapping[str, Style], scale: float
) -> None:
    style_axes(axes)
    known = [each for each in profiles.values() if np.isfinite(each.error).any()]
    if not known:
        write_note(axes, "no error is defined: coverage is constant")
        return
    axes.plot(
        known[0].at / scale,
        compute_quartiles(known[0].naive)[1],
        color=OBSERVED,
        linestyle=":",
        linewidth=1.8,
        label="predicting the mean everywhere (dotted)",
    )
    for model, each in profiles.items():
        _plot_line(axes, each.at / scale, each.error, styles[model], model, len(profiles) == 1)


def _plot_ratio(
    axes: Axes, profiles: Mapping[str, Profile], styles: Mapping[str, Style], scale: float
) -> None:
    style_axes(axes)
    axes.axhline(1, color=INK, linewidth=0.9, linestyle="--")
    axes.set_yscale("log")
    for model, each in profiles.items():
        _plot_line(axes, each.at / scale, each.ratio, styles[model], model, len(profiles) == 1)


def _limit_error(axes: Axes, profiles: list[Profile]) -> None:
    """Show all medians, of both panels, from 0 on."""
    shown = [
        compute_quartiles(values)[1] for each in profiles for values in (each.error, each.naive)
    ]
    highest = np.concatenate([*shown, [1.0]])
    axes.set_ylim(0, 1.08 * float(highest[np.isfinite(highest)].max()))


def _limit_ratio(axes: Axes, profiles: list[Profile]) -> None:
    """Show ratios up to the highest median, alike above and below 1."""
    middle = np.concatenate([compute_quartiles(each.ratio)[1] for each in profiles])
    middle = middle[np.isfinite(middle) & (middle > 0)]
    far = float(np.exp(np.abs(np.log(middle)).max(initial=0)))
    far = float(np.clip(1.1 * far, _NEAREST, _FARTHEST))
    axes.set_ylim(1 / far, far)
    ticks = _TICKS[(far > 1.6) + (far > 4)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def compute_quartiles(values: np.ndarray) -> np.ndarray:
    """Return lower quartile, median and upper quartile over targets, (3, groups).

    `values` are (groups, targets); NaN where no target has a value.
    """
    middle = np.full((3, len(values)), np.nan)
    some = np.isfinite(values).any(axis=1)
    if some.any():
        middle[:, some] = np.nanquantile(values[some], [0.25, 0.5, 0.75], axis=1)
    return middle


def _plot_line(
    axes: Axes, at: np.ndarray, values: np.ndarray, style: Style, model: str, alone: bool
) -> None:
    low, middle, high = compute_quartiles(values)
    name = format_label(model, 28)
    if alone and values.shape[1] >= _LEAST_TARGETS:
        label = "middle half of the targets (band)"
        axes.fill_between(at, low, high, color=style.colour, alpha=0.18, linewidth=0, label=label)
    axes.plot(
        at,
        middle,
        color=style.colour,
        marker=style.marker,
        markersize=4,
        linewidth=1.4,
        linestyle=style.linestyle,
        label=f"model {name}" if alone else name,
    )
