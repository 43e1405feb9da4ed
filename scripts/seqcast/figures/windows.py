"""One window: the coverage over it, and what a model predicts there."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from seqcast.dataset import Dataset
from seqcast.figures.style import (
    INK,
    OBSERVED,
    PREDICTED,
    QUIET,
    format_label,
    format_r,
    make_figure,
    style_axes,
    write_note,
)
from seqcast.predictions import Predictions
from seqcast.targets import Targets

_SHOWN = 3


def plot_first_look(dataset: Dataset) -> Figure:
    """Plot the coverage of the first three targets over the dataset's first window."""
    margin = dataset.crop * dataset.bin_size
    window = dataset.windows[0]
    name, start = dataset.contigs.name[window["contig"]], int(window["start"]) + margin
    where = _place(dataset, name, start, int(window["end"]) - margin)
    return plot_coverage(
        dataset.coverage_of(0),
        dataset.targets,
        bin_size=dataset.bin_size,
        title=f"First look: observed coverage over {where}",
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
    Values that are not finite are left out.
    """
    shown = range(min(_SHOWN, len(targets)))
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
    predictions: Predictions,
    place: int,
    *,
    targets: Sequence[int] | None = None,
    title: str = "Window",
) -> Figure:
    """Plot the chapter's two pictures of a predicted window, sharing one axis of positions.

    Above the observed coverage as bars, below the predicted over the observed; a panel a target.
    `place` counts windows in the predictions; `targets` are places in the targets table, None: the
    first three. Pearson's r in a panel is over the bins of this window.
    """
    shown = list(range(min(_SHOWN, len(dataset.targets)))) if targets is None else list(targets)
    observed_BT = dataset.coverage_of(int(predictions.rows[place]))
    predicted_BT = predictions.read_window(place)
    name, start = predictions.contig[place], int(predictions.start[place])
    where = _place(dataset, name, start, int(predictions.end[place]))
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
        observed, predicted = observed_BT[:, target], predicted_BT[:, target]
        _draw_both(axes, edges, observed, predicted)
        score = format_r(find_r(observed, predicted))
        _name_panel(axes, dataset.targets, target, "predicted over observed", score)
    _label_position(panels[-1], name, edges)
    _label_coverage(figure, dataset.targets, shown)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def find_r(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return Pearson's r over the bins where both are finite; NaN where one is constant."""
    known = np.isfinite(observed) & np.isfinite(predicted)
    x, y = observed[known].astype(float), predicted[known].astype(float)
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _place(dataset: Dataset, contig: str, start: int, end: int) -> str:
    """Write an interval as genome browsers take it: counted from 1, the end included."""
    place = f"{contig}:{start + 1:,}-{end:,}"
    return place if dataset.has_coordinates else f"{place} (stand-in contig)"


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
    axes.set_ylim(0, max(float(np.nanmax(finite)) * 1.08, 1e-6))


def _draw_both(axes: Axes, edges: np.ndarray, observed: np.ndarray, predicted: np.ndarray) -> None:
    style_axes(axes)
    axes.stairs(
        observed, edges, fill=True, color=OBSERVED, alpha=0.45, label="observed (filled, blue)"
    )
    axes.stairs(
        predicted,
        edges,
        baseline=None,
        color=PREDICTED,
        linewidth=1.3 if len(observed) <= 256 else 0.9,
        label="predicted (line, orange)",
    )
    both = np.concatenate([observed, predicted])
    top = np.max(both, where=np.isfinite(both), initial=0.0)
    axes.set_ylim(0, max(float(top) * 1.08, 1e-6))


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
