"""Learning curves: the loss as training went on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqcast.figures.style import INK, QUIET, make_figure, style_axes, write_note

_COLUMNS = 3
_TRAIN, _VALID = "#8a8a8a", "#009E73"


def plot_learning_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot training and validation loss against the epoch, one panel a model.

    A history has the columns `epoch` (a fraction while an epoch runs), `train_loss` and
    `valid_loss` (NaN but at the end of an epoch). The loss is the chapter's: half the mean Poisson
    deviance, natural logarithm, per bin and target.
    """
    columns = min(max(len(histories), 1), _COLUMNS)
    rows = -(-max(len(histories), 1) // columns)
    width = 7.5 if columns == 1 else 3.4 * columns
    figure = make_figure(width, 3.3 * rows + 0.4, "Learning curves")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).reshape(-1)
    for axes, (name, history) in zip(panels, histories.items(), strict=False):
        _plot_one(axes, history)
        axes.set_title(name, fontsize=9, loc="left", color=INK)
    for axes in panels[len(histories) :]:
        axes.set_visible(False)
    for axes in panels[: max(len(histories), 1)]:
        style_axes(axes)
        axes.set_xlabel("epoch")
    for axes in panels[::columns]:
        axes.set_ylabel("Poisson loss (nats per bin)")
    _limit_loss(panels[0], histories)
    _add_legend(figure, panels[: len(histories)])
    return figure


def _plot_one(axes: Axes, history: pd.DataFrame) -> None:
    train = history.dropna(subset=["train_loss"])
    valid = history.dropna(subset=["valid_loss"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if train.empty and valid.empty:
        write_note(axes, "no epoch was recorded")
        return
    mark = "." if len(train) < 2 else ""
    axes.plot(
        train["epoch"],
        train["train_loss"],
        color=_TRAIN,
        linewidth=1.2,
        linestyle=(0, (4, 1.5)),
        marker=mark,
        label="training (dashed)",
    )
    axes.set_xlim(0, max(history["epoch"].max() * 1.03, 1.0))
    if valid.empty:
        axes.text(0.98, 0.95, "no validation loss", **_corner(axes))
        return
    axes.plot(
        valid["epoch"],
        valid["valid_loss"],
        color=_VALID,
        linewidth=1.6,
        marker="o",
        markersize=4.5,
        label="validation (dots)",
    )
    best = valid.loc[valid["valid_loss"].idxmin()]
    ring = {"marker": "o", "markersize": 11, "fillstyle": "none", "linestyle": "none"}
    axes.plot(best["epoch"], best["valid_loss"], color=INK, label="best epoch (ring)", **ring)
    text = f"best: {best['valid_loss']:.3f}, epoch {best['epoch']:.0f}"
    axes.text(0.98, 0.95, text, **_corner(axes))


def _corner(axes: Axes) -> dict:
    return {
        "transform": axes.transAxes,
        "ha": "right",
        "va": "top",
        "fontsize": 8,
        "color": INK,
        "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
    }


def _limit_loss(axes: Axes, histories: Mapping[str, pd.DataFrame]) -> None:
    """Let the first steps run off the top where they would flatten all the rest."""
    losses = [
        history[["train_loss", "valid_loss"]].to_numpy(float) for history in histories.values()
    ]
    values = (
        np.concatenate([loss[np.isfinite(loss)] for loss in losses]) if losses else np.array([])
    )
    if values.size < 4 or values.max() == values.min():
        return
    low, usual = values.min(), np.quantile(values, 0.9)
    if values.max() - low > 3 * (usual - low) > 0:
        top = low + 2 * (usual - low)
        axes.set_ylim(low - 0.08 * (top - low), top)
        axes.text(
            0.02,
            0.02,
            "the first steps lie above",
            transform=axes.transAxes,
            fontsize=7,
            color=QUIET,
        )


def _add_legend(figure: Figure, panels: np.ndarray) -> None:
    handles = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=8,
        )
