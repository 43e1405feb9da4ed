"""One window: the coverage over it, and what models predict there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from seqcast.data import Dataset
from seqcast.data.predictions import Predictions
from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import window_pearson_r
from seqcast.tracks.style import (
    INK,
    OBSERVED,
    QUIET,
    format_label,
    format_r,
    make_figure,
    style_axes,
    style_of,
    write_note,
)

_SHOWN = 3
# More lines than this over one area cannot be told apart.
MOST_OVERLAID = 4
# Lines may rise so much higher than what was observed; beyond, a number says how high.
_MOST_ABOVE = 3


def plot_first_look(dataset: Dataset) -> Figure:
    """Plot the coverage of the first three targets over the dataset's first window."""
    name, start, end = _bounds(dataset, 0)
    return plot_coverage(
        dataset.coverage_of(0),
        dataset.targets,
        bin_size=dataset.bin_size,
        title=f"First look: observed coverage over {_name_interval(dataset, name, start, end)}",
        contig=name,
        start=start,
    )


def plot_coverage(
    coverage_BT: np.ndarray,
    targets: Targets,
    *,
    bin_size: int,
    title: str = "First look: observed coverage over the first window",
    contig: str = "",
    start: int = 0,
) -> Figure:
    """Plot the first three targets of coverage (bins, targets) as bars, a panel a target.

    Needs no dataset, so that a source can be looked at before one is made. Bins are `bin_size`
    bases, the first begins at base `start` of `contig`, or of the window where that is empty.
    Values are drawn in the units of the track, those that are not finite are left out.
    """
    shown = range(min(_SHOWN, len(targets)))
    coverage_BT = coverage_BT / np.asarray(targets.span)
    figure = make_figure(9, 1.0 + 1.25 * max(len(shown), 1), title)
    panels = figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0]
    edges = (start + bin_size * np.arange(len(coverage_BT) + 1)) / 1000
    for axes, target in zip(panels, shown, strict=False):
        _draw_observed(axes, edges, coverage_BT[:, target])
        _name_panel(axes, targets, target, "observed")
    _label_position(panels[-1], contig, edges)
    _label_coverage(figure, targets, shown)
    return figure


def plot_window(
    dataset: Dataset,
    models: Mapping[str, Predictions],
    row: int,
    *,
    targets: Sequence[int] | None = None,
    overlaid: Sequence[str] | None = None,
    title: str = "Window",
) -> Figure:
    """Plot the chapter's two pictures of a predicted window, sharing one axis of positions.

    Above the observed coverage as an area, below what models predict over it, a panel a target, in
    the units of the track. Where a model is a mean over replicates, a band is their standard
    deviation. `row` is one of the dataset's windows, which all models predict; `targets` are
    indices into the targets table, None: the first three; `overlaid` names the models to draw,
    None: the first four. Pearson's r in a panel is over the bins of this window.
    """
    shown = list(range(min(_SHOWN, len(dataset.targets)))) if targets is None else list(targets)
    names = list(models)[:MOST_OVERLAID] if overlaid is None else list(overlaid)
    span_T = np.asarray(dataset.targets.span)
    observed_BT = dataset.coverage_of(row) / span_T
    lines = [_read_line(models, name, row, span_T) for name in names]
    contig, start, end = _bounds(dataset, row)
    where = _name_interval(dataset, contig, start, end)
    figure = make_figure(10, 1.3 + 2.15 * len(shown), f"{title}: {where}")
    heights = [0.9] * len(shown) + [1.25] * len(shown)
    panels = figure.subplots(2 * len(shown), 1, sharex=True, squeeze=False, height_ratios=heights)[
        :, 0
    ]
    edges = _edges(dataset, start, len(observed_BT))
    for axes, target in zip(panels[: len(shown)], shown, strict=True):
        _draw_observed(axes, edges, observed_BT[:, target])
        _name_panel(axes, dataset.targets, target, "observed")
    for axes, target in zip(panels[len(shown) :], shown, strict=True):
        _draw_both(axes, edges, observed_BT[:, target], lines, target)
        score = _write_scores(observed_BT[:, target], lines, target)
        _name_panel(axes, dataset.targets, target, "predicted over observed", score)
    _label_position(panels[-1], contig, edges)
    _label_coverage(figure, dataset.targets, shown)
    handles, labels = panels[-1].get_legend_handles_labels()
    style = {"loc": "outside lower center", "frameon": False, "fontsize": 8, "handlelength": 3}
    figure.legend(handles, labels, ncols=3 if len(handles) < 5 else 4, **style)
    return figure


@dataclass(frozen=True)
class _Line:
    """What a model predicts in the window, and its spread where it has one; (bins, targets)."""

    label: str
    index: int
    predicted: np.ndarray
    spread: np.ndarray | None


def _read_line(models: Mapping[str, Predictions], name: str, row: int, span_T: np.ndarray) -> _Line:
    predictions = models[name]
    index = int(np.flatnonzero(predictions.rows == row)[0])
    spread = predictions.read_window_spread(index)
    label = format_label(name, 28) if len(models) > 1 else "predicted (line)"
    predicted = predictions.read_window(index) / span_T
    spread = None if spread is None else spread / span_T
    return _Line(label, list(models).index(name), predicted, spread)


def _write_scores(observed: np.ndarray, lines: Sequence[_Line], target: int) -> str:
    """Write r of each model over the window, in the order of the legend."""
    predicted = np.stack([line.predicted[:, target] for line in lines])
    r = window_pearson_r(predicted, np.broadcast_to(observed, predicted.shape))
    if len(r) == 1:
        return format_r(r[0])
    return ", ".join(
        f"{format_label(line.label, 16)} {format_r(value)}"
        for line, value in zip(lines, r, strict=True)
    )


def _bounds(dataset: Dataset, row: int) -> tuple[str, int, int]:
    """Return where the predicted bins of a window lie: chromosome, start and end in bases."""
    names, start, end = dataset.intervals_of(np.array([row]))
    return names[0], int(start[0]), int(end[0])


def _name_interval(dataset: Dataset, contig: str, start: int, end: int) -> str:
    """Write an interval as genome browsers take it: counted from 1, the end included."""
    interval = f"{contig}:{start + 1:,}-{end:,}"
    return interval if dataset.has_coordinates else f"{interval} (stand-in contig)"


def _edges(dataset: Dataset, start: int, bins: int) -> np.ndarray:
    """Return the bounds of the bins in kb, (bins + 1,)."""
    return (start + dataset.bin_size * np.arange(bins + 1)) / 1000


def _draw_observed(axes: Axes, edges: np.ndarray, observed: np.ndarray) -> None:
    style_axes(axes)
    if not np.isfinite(observed).any():
        write_note(axes, "no coverage is known here")
        return
    finite = np.where(np.isfinite(observed), observed, np.nan).astype(float)
    axes.stairs(finite, edges, fill=True, color=OBSERVED, label="observed (filled)")
    axes.set_ylim(0, float(np.nanmax(finite)) * 1.08 or 1)


def _draw_both(
    axes: Axes, edges: np.ndarray, observed: np.ndarray, lines: Sequence[_Line], target: int
) -> None:
    style_axes(axes)
    label = "observed (filled)"
    axes.stairs(observed, edges, fill=True, color=OBSERVED, alpha=0.45, label=label)
    tops = [observed]
    for line in lines:
        style, predicted = style_of(line.index), line.predicted[:, target]
        if line.spread is not None:
            spread = line.spread[:, target]
            low, high = np.maximum(predicted - spread, 0), predicted + spread
            label = f"{line.label}: spread of replicates (± 1 s.d.)"
            axes.stairs(
                high, edges, baseline=low, fill=True, color=style.colour, alpha=0.22, label=label
            )
            tops.append(high)
        axes.stairs(
            predicted,
            edges,
            baseline=None,
            color=style.colour,
            linewidth=1.3 if len(observed) <= 256 else 0.9,
            linestyle=(0, style.dashes) if style.dashes else "-",
            label=line.label,
        )
        tops.append(predicted)
    _limit_height(axes, observed, np.concatenate(tops))


def _limit_height(axes: Axes, observed: np.ndarray, values: np.ndarray) -> None:
    """Show all heights, unless one line would flatten all that was observed."""
    top = float(np.max(values, where=np.isfinite(values), initial=0.0))
    limit = _MOST_ABOVE * float(np.max(observed, where=np.isfinite(observed), initial=0.0))
    if 0 < limit < top:
        note = f"predicted up to {top:.3g}"
        style = {"ha": "left", "va": "top", "fontsize": 7, "color": QUIET}
        axes.text(0.005, 0.97, note, transform=axes.transAxes, **style)
        top = limit
    axes.set_ylim(0, top * 1.08 or 1)


def _name_panel(axes: Axes, targets: Targets, target: int, what: str, score: str = "") -> None:
    name = format_label(targets.identifier[target], 60)
    axes.set_title(f"{name}: {what}", loc="left", fontsize=8, color=INK, pad=3)
    axes.set_title(score, loc="right", fontsize=8, color=INK, pad=3)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    axes.tick_params(labelcolor=INK, color=QUIET)


def _label_coverage(figure: Figure, targets: Targets, shown: Sequence[int]) -> None:
    """Name the units once for all panels: beside a low panel there is no room for them."""
    units = sorted({targets.units[target] or "coverage" for target in shown})
    figure.supylabel(format_label(" / ".join(units) or "coverage", 60), fontsize=9, color=INK)


def _label_position(axes: Axes, contig: str, edges: np.ndarray) -> None:
    label = f"position on {format_label(contig, 40)} (kb)"
    axes.set_xlabel(label if contig else "position in window (kb)")
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
