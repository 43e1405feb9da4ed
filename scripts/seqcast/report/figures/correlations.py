"""How alike targets are, observed beside predicted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy  # its parts load when they are first named
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from seqcast.evaluate.metrics import log1p, pearson_r
from seqcast.report.figures.pairs import Pairs
from seqcast.tracks.style import INK, QUIET, choose_ranked, format_label, make_figure, write_note

MOST_TARGETS = 40
# With more targets the numbers in the cells cannot be read.
_MOST_WRITTEN = 10
_LEAST_PAIRS = 6
# Lightness alone tells the values apart; below 0 it is another hue, darker again.
_POSITIVE = ["#f4f6f8", "#b4c3d3", "#7d93aa", "#3a536e", "#0d1c30"]
_NEGATIVE = ["#5c2a00", "#a8702f"]


@dataclass(frozen=True)
class Likeness:
    """Correlations of log1p coverage between targets, (targets, targets), NaN where undefined.

    `targets` are indices into the targets table, in the order of the matrices: alike next to alike.
    """

    targets: tuple[int, ...]
    observed: np.ndarray
    predicted: np.ndarray

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Observed and predicted correlation of each pair of targets that has both."""
        upper = np.triu_indices(len(self.targets), k=1)
        observed, predicted = self.observed[upper], self.predicted[upper]
        known = np.isfinite(observed) & np.isfinite(predicted)
        return observed[known], predicted[known]

    @property
    def means(self) -> tuple[float, float]:
        """Mean observed and mean predicted correlation of the pairs; NaN without any."""
        observed, predicted = self.pairs
        if not observed.size:
            return float("nan"), float("nan")
        return float(observed.mean()), float(predicted.mean())

    @property
    def agreement(self) -> float:
        """Pearson's r between the two over pairs of targets; NaN below six pairs."""
        observed, predicted = self.pairs
        return pearson_r(observed, predicted) if observed.size >= _LEAST_PAIRS else float("nan")


def find_compared(r: np.ndarray, most: int = MOST_TARGETS) -> list[int]:
    """Return the indices of targets to compare: all, or `most` at even steps of their rank."""
    order = choose_ranked(r, len(r))
    if len(order) <= most:
        return order
    return [order[index] for index in np.linspace(0, len(order) - 1, most).round().astype(int)]


def correlate_targets(pairs: Pairs) -> Likeness:
    """Correlate targets with each other, bin by bin, observed and predicted on the same bins.

    The order of targets is that of a hierarchical clustering of the observed correlations.
    """
    known = np.isfinite(pairs.observed) & np.isfinite(pairs.predicted)
    observed, predicted = (
        _correlate(np.where(known, log1p(values, pairs.mean), np.nan))
        for values in (pairs.observed, pairs.predicted)
    )
    order = order_targets(observed)
    targets = tuple(pairs.targets[index] for index in order)
    return Likeness(targets, observed[np.ix_(order, order)], predicted[np.ix_(order, order)])


def _correlate(logs: np.ndarray) -> np.ndarray:
    """Return Pearson's r between columns (bins, targets), over the bins that both know."""
    known = np.isfinite(logs)
    highest = np.max(logs, axis=0, initial=-np.inf, where=known)
    logs[:, highest <= np.min(logs, axis=0, initial=np.inf, where=known)] = np.nan  # constant
    return pd.DataFrame(logs).corr(min_periods=3).clip(-1, 1).to_numpy(copy=True)


def order_targets(r_TT: np.ndarray) -> np.ndarray:
    """Order targets so that those alike stand together (average linkage of 1 - r); (targets,)."""
    if len(r_TT) < 3:
        return np.arange(len(r_TT))
    distance = 1 - np.nan_to_num(r_TT, nan=0.0)
    np.fill_diagonal(distance, 0)
    condensed = scipy.spatial.distance.squareform((distance + distance.T) / 2, checks=False)
    hierarchy = scipy.cluster.hierarchy
    tree = hierarchy.linkage(condensed, "average")
    return hierarchy.leaves_list(hierarchy.optimal_leaf_ordering(tree, condensed))


def plot_correlations(
    names: Sequence[str],
    likeness: Likeness,
    *,
    title: str = "Correlation between targets, observed beside predicted",
) -> Figure:
    """Plot both matrices side by side, in one order and on one scale of colours.

    `names` are those of `likeness.targets`.
    """
    count = len(names)
    side = float(np.clip(0.34 * count, 2.6, 4.0))
    figure = make_figure(2 * side + 3.2, side + 1.6, title)
    panels = figure.subplots(1, 2, sharey=True)
    if count < 2:
        for axes in panels:
            write_note(axes, "one target has no other\nto be compared with")
            axes.set_axis_off()
        return figure
    values = np.concatenate(likeness.pairs)
    low = min(0.0, float(np.floor(values.min(initial=0) * 10) / 10))
    colours, scale = _make_colours(low), Normalize(low, 1)
    for axes, matrix, what in (
        (panels[0], likeness.observed, "observed"),
        (panels[1], likeness.predicted, "predicted"),
    ):
        image = axes.imshow(matrix, cmap=colours, norm=scale, interpolation="nearest")
        _name_cells(axes, names, f"{what}{_write_mean(likeness, what)}")
        if count <= _MOST_WRITTEN:
            _write_numbers(axes, matrix)
    bar = figure.colorbar(image, ax=panels, shrink=0.8, aspect=24)
    bar.set_label("Pearson's r (log1p coverage)", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, color=QUIET)
    bar.outline.set_visible(False)
    return figure


def _write_mean(likeness: Likeness, what: str) -> str:
    mean = likeness.means[what == "predicted"]
    return f" (mean r {mean:.2f})" if np.isfinite(mean) else ""


def _make_colours(low: float) -> Colormap:
    """Make a scale from `low` to 1 whose lightest colour is 0; grey where nothing is known."""
    correlations = [-1, -0.5, *np.linspace(0, 1, len(_POSITIVE))]
    stops = [((r + 1) / 2, c) for r, c in zip(correlations, [*_NEGATIVE, *_POSITIVE], strict=True)]
    whole = LinearSegmentedColormap.from_list("likeness", stops)
    return ListedColormap(whole((np.linspace(low, 1, 256) + 1) / 2)).with_extremes(bad="#d9d9d9")


def _name_cells(axes: Axes, names: Sequence[str], title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left", color=INK)
    size = 8 if len(names) <= 12 else max(4.5, 8 - 0.12 * (len(names) - 12))
    labels = [format_label(name, 26) for name in names]
    axes.set_yticks(np.arange(len(names)), labels, fontsize=size)
    axes.set_xticks(np.arange(len(names)), labels, fontsize=size, rotation=90)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _write_numbers(axes: Axes, matrix: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        text = f"{round(value, 2) + 0.0:.2f}" if np.isfinite(value) else "-"
        dark = value > 0.62 or value < -0.5
        style = {"ha": "center", "va": "center", "fontsize": 6.5}
        axes.text(column, row, text, color="white" if dark else INK, **style)
