"""Small pictures of places, for paper and for readers that cannot use a genome browser."""

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from PIL import Image

from seqcast.tracks.style import (
    INK,
    OBSERVED,
    PREDICTED,
    QUIET,
    format_label,
    make_figure,
    style_axes,
    write_note,
)

_DPI, _COLOURS = 110, 48


@dataclass(frozen=True)
class Panel:
    """What is drawn of a target: coverage (bins,) as observed, and as a model predicts it."""

    target: str
    units: str
    model: str
    observed: np.ndarray
    predicted: np.ndarray


def plot_place(panels: Sequence[Panel], chrom: str, edges: np.ndarray, by: str = "") -> Figure:
    """Plot observed coverage as areas with the predictions as lines over them, a panel a target.

    `edges` (bins + 1,) bound the bins, in bases of `chrom`; `by` says whose predictions they are.
    """
    figure = make_figure(9, 0.75 + 0.95 * len(panels), "")
    drawn = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(drawn, panels, strict=True):
        _draw(axes, panel, edges / 1000, by)
    drawn[-1].set_xlabel(f"position on {format_label(chrom, 40)} (kb)")
    drawn[-1].set_xlim(edges[0] / 1000, edges[-1] / 1000)
    drawn[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    handles = {}
    for axes in drawn:
        lines, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, lines, strict=True))
    style = {"loc": "outside upper right", "frameon": False, "fontsize": 8, "ncols": 3}
    if handles:
        figure.legend(handles.values(), handles.keys(), **style)
    return figure


def _draw(axes: Axes, panel: Panel, edges: np.ndarray, by: str) -> None:
    style_axes(axes)
    name = format_label(f"{panel.target}, {panel.units}" if panel.units else panel.target, 90)
    axes.set_title(name, loc="left", fontsize=8, color=INK, pad=3)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    axes.tick_params(labelcolor=INK, color=QUIET)
    values = np.concatenate([panel.observed, panel.predicted])
    finite = np.isfinite(values)
    if not finite.any():
        write_note(axes, "no value is known here")
        return
    observed = {"fill": True, "color": OBSERVED, "alpha": 0.45, "label": "observed (area)"}
    axes.stairs(panel.observed, edges, **observed)
    line = {"baseline": None, "color": PREDICTED, "linewidth": 1.2 if len(edges) <= 256 else 0.9}
    label = format_label(f"predicted{by} (line)", 60)
    axes.stairs(panel.predicted, edges, label=label, **line)
    low, high = (f(values, where=finite, initial=0.0) for f in (np.min, np.max))
    axes.set_ylim(low * 1.08, max(high * 1.08, 1e-6))


def make_still(figure: Figure) -> tuple[str, int, int]:
    """Return a figure as the `data:` address of a PNG, and width and height on the page in pixels.

    A few dozen colours are all that such a figure has; it takes a third of the bytes.
    """
    drawn, packed = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        # A target's name may hold letters that the font lacks; they become boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    image = Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    image.save(packed, "png", optimize=True)
    figure.clear()
    data = f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"
    return data, round(image.width * 100 / _DPI), round(image.height * 100 / _DPI)
