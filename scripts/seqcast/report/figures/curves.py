"""Learning curves: the loss as training went on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqcast.tracks.style import (
    INK,
    QUIET,
    Style,
    format_label,
    make_figure,
    style_axes,
    style_of,
    write_note,
)

_TRAIN = "#8a8a8a"
Histories = Mapping[str, Mapping[str, pd.DataFrame]]


def plot_learning_curves(histories: Histories) -> Figure:
    """Plot training and validation loss against the epoch.

    `histories` holds, a model, one history for each of its trainings (replicates, folds), with the
    columns `epoch` (a fraction while an epoch runs), `train_loss` and `valid_loss` (NaN but at the
    end of an epoch). One training has one panel. Of several, validation and training stand side by
    side, a colour a model; the trainings of one model are thin lines of its colour. The loss is per
    bin and target, of coverage as training sees it (`train.units`).
    """
    trainings = [history for members in histories.values() for history in members.values()]
    if len(trainings) <= 1:
        figure = make_figure(7.5, 3.7, "Learning curves")
        panels = [figure.subplots()]
        _plot_alone(panels[0], trainings[0] if trainings else pd.DataFrame())
    else:
        figure = make_figure(10, 4.2, "Learning curves")
        panels = list(figure.subplots(1, 2, sharey=True))
        _plot_together(panels[0], histories, "valid_loss", "Validation")
        _plot_together(panels[1], histories, "train_loss", "Training")
    for axes in panels:
        style_axes(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    panels[0].set_ylabel("loss (nats per bin, as trained)")
    _limit_loss(panels[-1], trainings)
    _add_legend(figure, panels[0])
    return figure


def _plot_alone(axes: Axes, history: pd.DataFrame) -> None:
    if history.empty:
        write_note(axes, "no epoch was recorded")
        return
    train = history.dropna(subset=["train_loss"])
    valid = history.dropna(subset=["valid_loss"])
    axes.plot(
        train["epoch"],
        train["train_loss"],
        color=_TRAIN,
        linewidth=1.2,
        linestyle=(0, (4, 1.5)),
        marker="." if len(train) < 2 else "",
        label="training (dashed)",
    )
    axes.set_xlim(0, max(history["epoch"].max() * 1.03, 1.0))
    if valid.empty:
        _write_corner(axes, "no validation loss")
        return
    style = style_of(0)
    _plot_line(axes, valid, "valid_loss", style, width=1.6, label="validation (dots)")
    best = _ring_best(axes, valid, INK, size=11, label="best epoch (ring)")
    _write_corner(axes, f"best: {best['valid_loss']:.3f}, epoch {best['epoch']:.0f}")


def _plot_together(axes: Axes, histories: Histories, column: str, title: str) -> None:
    """Draw one loss of all trainings; of validation also the epochs that are kept."""
    axes.set_title(title, fontsize=9, loc="left", color=INK)
    axes.set_xlim(0, 1)
    last = 1.0
    for index, (name, members) in enumerate(histories.items()):
        style, alone = style_of(index), len(members) == 1
        label = _label(name, members)
        for history in members.values():
            known = history.dropna(subset=[column])
            if known.empty:
                continue
            last = max(last, known["epoch"].max() * 1.03)
            _plot_line(axes, known, column, style, width=1.4 if alone else 0.9, label=label)
            label = None
            if column == "valid_loss":
                _ring_best(axes, known, style.colour, size=9 if alone else 7)
    axes.set_xlim(0, last)
    if not axes.lines:
        write_note(axes, "nothing was recorded")


def _plot_line(
    axes: Axes,
    known: pd.DataFrame,
    column: str,
    style: Style,
    *,
    width: float,
    label: str | None,
) -> None:
    """Draw one training; its epochs are marked where the marks do not hide the line."""
    validated = column == "valid_loss" and len(known) <= 60
    axes.plot(
        known["epoch"],
        known[column],
        color=style.colour,
        marker=style.marker if validated or len(known) < 2 else "",
        markersize=4.5 if width > 1 else 2.5,
        linewidth=width,
        dashes=style.dashes or (None, None),
        label=label,
    )


def _ring_best(
    axes: Axes, valid: pd.DataFrame, colour: str, *, size: float, label: str | None = None
) -> pd.Series:
    best = valid.loc[valid["valid_loss"].idxmin()]
    ring = {"marker": "o", "markersize": size, "fillstyle": "none", "linestyle": "none"}
    axes.plot(best["epoch"], best["valid_loss"], color=colour, label=label, **ring)
    return best


def _label(name: str, members: Mapping[str, pd.DataFrame]) -> str:
    """Name a model with its lowest validation loss, or the range of its trainings'."""
    lowest = np.array([history["valid_loss"].min() for history in members.values()])
    lowest = lowest[np.isfinite(lowest)]
    text = format_label(name, 28)
    if len(members) > 1:
        text += f" ({len(members)} trainings)"
    if not lowest.size:
        return f"{text}: no validation loss"
    low, high = f"{lowest.min():.3f}", f"{lowest.max():.3f}"
    return f"{text}: best {low}" + (f" to {high}" if high != low else "")


def _write_corner(axes: Axes, text: str) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2}
    style = {"ha": "right", "va": "top", "fontsize": 8, "color": INK, "bbox": box}
    axes.text(0.98, 0.95, text, transform=axes.transAxes, **style)


def _limit_loss(axes: Axes, trainings: list[pd.DataFrame]) -> None:
    """Let the first steps run off the top where they would flatten all the rest."""
    losses = [
        history[["train_loss", "valid_loss"]].to_numpy(float).reshape(-1)
        for history in trainings
        if len(history)
    ]
    values = np.concatenate(losses) if losses else np.array([])
    values = values[np.isfinite(values)]
    if values.size < 4 or values.max() == values.min():
        return
    low, top = values.min(), _choose_top(values, trainings)
    if values.max() > top > low:
        axes.set_ylim(low - 0.08 * (top - low), top)
        note = "the first steps lie above"
        axes.text(0.02, 0.02, note, transform=axes.transAxes, fontsize=7, color=QUIET)


def _choose_top(values: np.ndarray, trainings: list[pd.DataFrame]) -> float:
    """Return the highest loss to show: all of one training's, of several what tells them apart."""
    low = values.min()
    if len(trainings) == 1:
        usual = np.quantile(values, 0.9) - low
        return low + 2 * usual if values.max() - low > 3 * usual else values.max()
    last = [history["valid_loss"].dropna().iloc[-1:].max() for history in trainings]
    highest = np.nanmax([low, *last])
    usual = min(history["train_loss"].median() for history in trainings)
    return np.nanmax([low + 4 * (usual - low), highest + 0.25 * (highest - low)])


def _add_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        columns = 3 if len(figure.axes) == 1 else 2
        style = {"loc": "outside lower center", "frameon": False, "fontsize": 8, "handlelength": 3}
        figure.legend(handles, labels, ncols=columns, **style)
