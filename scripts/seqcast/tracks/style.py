"""What all figures share: colours, letters, empty states, and which of many are shown."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Of Okabe and Ito's colours, which colour-blind readers tell apart.
OBSERVED = "#0072B2"
PREDICTED = "#D55E00"
# Predicted with the alleles of a variant.
REF = "#7d93aa"
ALT = "#009E73"
INK = "#222222"
QUIET = "#767676"
RULE = "#d9d9d9"


class Style(NamedTuple):
    """How a model is drawn, the same in every figure: no colour carries a meaning alone."""

    colour: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def linestyle(self) -> str | tuple[float, tuple[float, ...]]:
        """The line as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"


# Observed's own is left out; the first is the colour of a single model's predictions.
_STYLES = (
    Style(PREDICTED, "o", ()),
    Style(ALT, "s", (5, 1.5)),
    Style(INK, "D", (1.6, 1.2)),
    Style("#CC79A7", "^", (6, 1.5, 1.5, 1.5)),
    Style("#E69F00", "v", (3, 1)),
    Style("#56B4E9", "P", (8, 2)),
)


def style_of(index: int) -> Style:
    """Return how a model is drawn, by its index in the config's order; six can be told apart."""
    return _STYLES[index % len(_STYLES)]


def make_figure(width: float, height: float, title: str, *, layout: str = "constrained") -> Figure:
    """Make an empty figure, sizes in inches, with its title at the upper left.

    `layout` is one of matplotlib's; `none` where a caller sets the places of its axes itself.
    """
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    if layout == "constrained":
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    style = {"ha": "left", "fontsize": 11, "weight": "bold", "color": INK}
    if layout != "constrained":  # which else finds the height itself
        style |= {"y": 1 - 0.1 / height, "va": "top"}
    figure.suptitle(format_label(title, 110), x=0.1 / width, **style)
    return figure


def style_axes(axes: Axes, *, grid: str = "y") -> None:
    """Quieten an axes: two spines, small letters, a faint grid along `x`, `y` or neither (``)."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(labelsize=8, color=QUIET, labelcolor=INK, length=3)
    axes.xaxis.label.set(fontsize=9, color=INK)
    axes.yaxis.label.set(fontsize=9, color=INK)
    if grid:
        axes.grid(axis=grid, color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)


def format_label(text: str, length: int) -> str:
    """Shorten a name in its middle and keep matplotlib from reading ``$`` as mathematics."""
    text = " ".join(text.split())
    if len(text) > length:
        tail = length // 3
        text = f"{text[: length - tail - 1].rstrip()}…{text[-tail:].lstrip()}"
    return text.replace("$", r"\$")


def format_r(value: float) -> str:
    """Write a correlation with two decimals, or say that there is none."""
    return f"r {value:.2f}" if np.isfinite(value) else "r undefined"


def write_note(axes: Axes, text: str) -> None:
    """Say in the middle of an axes why nothing is drawn there."""
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=QUIET, fontsize=9
    )


def choose_ranked(score: np.ndarray, count: int) -> list[int]:
    """Return at most `count` places of `score` (n,), best first: all, or best, middle and worst.

    Undefined scores rank last and are left out while there are enough others.
    """
    score = np.asarray(score, dtype=float)
    order = np.argsort(-score, kind="stable")  # NaN sorts last
    defined = order[: int(np.isfinite(score).sum())]
    if len(score) <= count or len(defined) < count:
        return order[:count].tolist()
    worst = count // 3
    middle = (count - worst) // 2
    best = count - worst - middle
    # The median lies in the middle third whatever `count` is.
    first = max(best, (len(defined) - middle) // 2)
    first = min(first, len(defined) - worst - middle)
    chosen = [*defined[:best], *defined[first : first + middle], *defined[len(defined) - worst :]]
    return [int(index) for index in chosen]
