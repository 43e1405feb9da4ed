"""The figures of a report: drawn, kept as files, and what is said under each."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from seqcast.dataset import Dataset
from seqcast.figures import (
    find_ranked,
    plot_learning_curves,
    plot_metrics,
    plot_scatter,
    plot_window,
    write_figure,
)
from seqcast.figures.scatter import MOST_PANELS
from seqcast.figures.style import DPI
from seqcast.report.results import ModelResults

# Up to so many targets the page shows every one; above, a dozen and the table.
MOST_SCATTERED = 96


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its bytes as a `data:` address, and words for every reader."""

    file: str
    data: str
    width: int
    alt: str
    caption: str
    look: str = ""
    otherwise: str = ""


_LOOK_CURVES = (
    "both lines fall steeply at first and then level out; the ring, the epoch that is kept,"
    " lies where validation is lowest.",
    "still falling at the end: raise train.epochs. Validation rises while training falls: the"
    " network learns its windows by heart, so give it more data or more dropout. Neither falls:"
    " lower train.learning_rate and read the warnings under Data.",
)
_LOOK_METRICS = (
    "markers near their ceiling (the upright tick), or, without one, near 1 and near each other.",
    "one low target is often a poor or nearly empty track: look at it in the browser. All low: see"
    " Training.",
)
_LOOK_SCATTER = (
    "the dark cells follow the dashed line, at high coverage as at low.",
    "a cloud that flattens on the right means peaks are predicted too low: train longer. A"
    " column over zero means peaks predicted where none were measured: often repeats or regions"
    " that reads do not map to.",
)
_LOOK_WINDOW = (
    "the orange line rises where the blue area does, and about as high.",
    "peaks at the wrong places in every window: sequence and coverage do not belong together, so"
    " check the assembly and the bin size. A bad worst window alone is usually one with hardly any"
    " coverage.",
)


def write_shared_pictures(folder: Path, results: Sequence[ModelResults]) -> dict[str, Picture]:
    """Write the figures that show all models at once."""
    curves = plot_learning_curves({result.name: result.history for result in results})
    metrics = plot_metrics({result.name: result.metrics for result in results})
    names = ", ".join(result.name for result in results)
    return {
        "learning_curves": _write(
            curves,
            folder / "learning_curves.png",
            f"Line chart of training and validation loss against the epoch; models: {names}.",
            "Loss during training, the lower the better; the ring marks the epoch that is kept.",
            _LOOK_CURVES,
        ),
        "metrics": _write(
            metrics,
            folder / "metrics.png",
            f"Dot chart of Pearson's r for {len(results[0].metrics):,} targets, best first;"
            f" {_range(results)}. The table has the same numbers.",
            "How well each target is predicted: 1 is perfect, 0 is no better than a constant.",
            _LOOK_METRICS,
        ),
    }


def write_model_pictures(
    folder: Path, dataset: Dataset, result: ModelResults
) -> dict[str, Picture]:
    """Write a model's own figures: `scatter`, `window_best`, `window_median`, `window_worst`."""
    pictures = {"scatter": _write_scatter(folder, dataset, result)}
    shown = find_ranked(result.r, 3)
    for kind, place in result.find_windows().items():
        figure = plot_window(
            dataset, result.predictions, place, targets=shown, title=f"{kind.capitalize()} window"
        )
        r, contig = result.window_r(place), result.predictions.contig[place]
        start, end = result.predictions.start[place], result.predictions.end[place]
        score = f"mean r over targets {r:.2f}" if np.isfinite(r) else "r is undefined"
        pictures[f"window_{kind}"] = _write(
            figure,
            folder / f"{result.name}.window_{kind}.png",
            f"Coverage of {len(shown)} targets over the {kind} window, {contig}:{start + 1:,}-"
            f"{end:,}, observed as bars and predicted as a line over them; {score}.",
            f"The {kind} of {len(result.windows):,} windows: {score}.",
            _LOOK_WINDOW,
        )
    return pictures


def make_more_scatters(dataset: Dataset, result: ModelResults, folder: Path) -> list[Picture]:
    """Draw every target, a dozen a picture, where there are more than a dozen but not too many.

    The files go when the page has them: their number is not known beforehand.
    """
    count = len(result.metrics)
    if not MOST_PANELS < count <= MOST_SCATTERED:
        return []
    order, pictures = find_ranked(result.r, count), []
    for first in range(0, count, MOST_PANELS):
        shown = order[first : first + MOST_PANELS]
        title = f"Targets ranked {first + 1} to {first + len(shown)}"
        path = folder / f"{result.name}.scatter_{first + 1}.png"
        figure = plot_scatter(
            dataset, result.predictions, result.metrics, targets=shown, title=title
        )
        alt = f"Predicted against observed coverage of the targets ranked {first + 1} to"
        pictures.append(_write(figure, path, f"{alt} {first + len(shown)} by Pearson's r.", title))
        path.unlink()
    return pictures


def _write_scatter(folder: Path, dataset: Dataset, result: ModelResults) -> Picture:
    count = len(result.metrics)
    figure = plot_scatter(dataset, result.predictions, result.metrics)
    if count > MOST_PANELS:
        which = f"the best, the middle and the worst four of {count:,} targets"
    else:
        which = "every target" if count > 1 else "the target"
    return _write(
        figure,
        folder / f"{result.name}.scatter.png",
        f"Two-dimensional histograms of predicted against observed coverage, {which};"
        f" {_range([result])}.",
        f"Every predicted bin of {which}: the darker a cell, the more bins have that pair of"
        " values. Overlapping windows are averaged.",
        _LOOK_SCATTER,
    )


def _range(results: Sequence[ModelResults]) -> str:
    r = np.concatenate([result.r for result in results])
    r = r[np.isfinite(r)]
    return f"r from {r.min():.2f} to {r.max():.2f}" if r.size else "no r is defined"


def _write(
    figure: Figure, path: Path, alt: str, caption: str, look: tuple[str, str] = ("", "")
) -> Picture:
    write_figure(figure, path)
    png = path.read_bytes()
    data = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    # One size of letters on the whole page: an inch is 100 pixels there. The width in a PNG is the
    # first number of its header.
    width = round(int.from_bytes(png[16:20], "big") * 100 / DPI)
    return Picture(path.name, data, width, alt, caption, *look)
