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
    plot_comparison,
    plot_learning_curves,
    plot_metrics,
    plot_scatter,
    plot_window,
    write_figure,
)
from seqcast.figures.scatter import MOST_PANELS
from seqcast.figures.scores import has_whiskers
from seqcast.figures.style import DPI
from seqcast.figures.windows import MOST_OVERLAID
from seqcast.report.comparison import find_reference
from seqcast.report.results import RANKED, ModelResults, Scores

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
    "the lines fall steeply at first and then level out; the ring, the epoch that is kept, lies"
    " where validation is lowest.",
    "still falling at the end: raise train.epochs. Validation rises while training falls: the"
    " network learns its windows by heart, so give it more data or more dropout. Neither falls:"
    " lower train.learning_rate and read the warnings under Data.",
)
_LOOK_METRICS = (
    "one low target is often a poor or nearly empty track: look at it in the browser. All low: see"
    " Training."
)
_LOOK_SCATTER = (
    "the dark cells follow the dashed line, at high coverage as at low.",
    "a cloud that flattens on the right means peaks are predicted too low: train longer. A"
    " column over zero means peaks predicted where none were measured: often repeats or regions"
    " that reads do not map to.",
)
_LOOK_WINDOW = (
    "peaks at the wrong places in every window: sequence and coverage do not belong together, so"
    " check the assembly and the bin size. A bad worst window alone is usually one with hardly any"
    " coverage."
)


def write_shared_pictures(
    folder: Path, models: Sequence[ModelResults], baselines: Sequence[Scores]
) -> dict[str, Picture]:
    """Write the figures that show all models at once: `comparison`, `metrics`, `learning_curves`.

    `models` are in the order of the config, which gives each its colour.
    """
    names = ", ".join(model.name for model in models)
    curves = plot_learning_curves({model.name: model.histories for model in models})
    thin = any(len(model.histories) > 1 for model in models)
    return {
        "comparison": _write_comparison(folder, models, baselines),
        "metrics": _write_metrics(folder, models, baselines),
        "learning_curves": _write(
            curves,
            folder / "learning_curves.png",
            f"Line chart of training and validation loss against the epoch; models: {names}.",
            "Loss during training, the lower the better; a ring marks the epoch that is kept."
            + (" Thin lines of one colour are the trainings of one model." if thin else ""),
            _LOOK_CURVES,
        ),
    }


def _write_comparison(
    folder: Path, models: Sequence[ModelResults], baselines: Sequence[Scores]
) -> Picture:
    every = [*models, *baselines]
    figure = plot_comparison(
        {model.name: model.metrics for model in models},
        {scores.label: scores.metrics for scores in baselines},
    )
    means = ", ".join(f"{scores.label} {scores.mean(RANKED):.2f}" for scores in every)
    grey = " Grey bars need no network." if baselines else ""
    return _write(
        figure,
        folder / "comparison.png",
        f"Bar chart of the mean of Pearson's r over targets: {means}.",
        f"Mean of Pearson's r over targets; lines on the bars are 95 % intervals.{grey}",
    )


def _write_metrics(
    folder: Path, models: Sequence[ModelResults], baselines: Sequence[Scores]
) -> Picture:
    reference, first = find_reference(baselines), models[0].metrics
    figure = plot_metrics(
        {model.name: model.metrics for model in models},
        **({"baseline": reference.metrics, "baseline_name": reference.label} if reference else {}),
    )
    ceiling = f"ceiling_{RANKED}" in first and first[f"ceiling_{RANKED}"].notna().any()
    whiskers = f"{RANKED}_low" in first and has_whiskers(len(models), len(first))
    caption = "How well each target is predicted: 1 is perfect, 0 is no better than a constant."
    if reference:
        caption += f" A cross is the {reference.label}: what a network must beat."
    caption += " An upright tick is the ceiling, the most that noise allows." if ceiling else ""
    caption += " Lines through markers are 95 % intervals." if whiskers else ""
    against = [f"right of the {reference.label}"] if reference else []
    against += ["near the ceiling"] if ceiling else []
    look = f"markers {' and '.join(against) or 'near 1 and near each other'}."
    if not against:
        look += " An r alone is neither good nor bad: baselines (evaluate.baselines) would tell."
    return _write(
        figure,
        folder / "metrics.png",
        f"Dot chart of Pearson's r for {len(first):,} targets, best first;"
        f" {_range(models)}. The table has the same numbers.",
        caption,
        (look, _LOOK_METRICS + _say_reference(reference)),
    )


def _say_reference(reference: Scores | None) -> str:
    return f" Left of the {reference.label}: that target needs no network yet." if reference else ""


def write_window_pictures(
    folder: Path, dataset: Dataset, models: Sequence[ModelResults], ranked: Sequence[ModelResults]
) -> dict[str, Picture]:
    """Write `window_best`, `window_median` and `window_worst` of the best model, all overlaid.

    `models` are in the order of the config, `ranked` the best first.
    """
    best = ranked[0]
    shown = find_ranked(best.r, 3)
    opened = {model.name: model.predictions for model in models}
    pictures = {}
    for kind, place in best.find_windows().items():
        row = int(best.predictions.rows[place])
        holding = [model.name for model in ranked if row in model.predictions.rows]
        overlaid = [name for name in opened if name in holding[:MOST_OVERLAID]]
        title = f"{kind.capitalize()} window"
        figure = plot_window(dataset, opened, row, targets=shown, overlaid=overlaid, title=title)
        where = (
            f"{best.predictions.contig[place]}:{best.predictions.start[place] + 1:,}-"
            f"{best.predictions.end[place]:,}"
        )
        r = best.window_r(place)
        score = f"mean r over targets {r:.2f}" if np.isfinite(r) else "r is undefined"
        which = (
            "the prediction" if len(models) == 1 else f"the predictions of {', '.join(overlaid)}"
        )
        pictures[f"window_{kind}"] = _write(
            figure,
            folder / f"window_{kind}.png",
            f"Coverage of {len(shown)} targets over the {kind} window, {where}, observed as an area"
            f" and {which} over it; {score}.",
            _caption_window(kind, best, where, score, models, overlaid),
            (_say_window(len(overlaid)), _LOOK_WINDOW),
        )
    return pictures


def _caption_window(
    kind: str,
    best: ModelResults,
    where: str,
    score: str,
    models: Sequence[ModelResults],
    overlaid: Sequence[str],
) -> str:
    whose = f" by {best.name}" if len(models) > 1 else ""
    text = f"The {kind} of {len(best.windows):,} windows{whose}, {where}: {score}."
    if any(model.predictions.has_spread for model in models if model.name in overlaid):
        text += " The band is one standard deviation of the replicates to either side."
    if len(overlaid) < len(models):
        text += f" Drawn are the {len(overlaid)} best of {len(models)} models."
    return text


def _say_window(lines: int) -> str:
    what = "the orange line rises" if lines == 1 else "the lines rise"
    return f"{what} where the blue area does, and about as high."


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


def write_scatter(folder: Path, dataset: Dataset, result: ModelResults) -> Picture:
    """Write a model's own figure, `<model>.scatter.png`."""
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
