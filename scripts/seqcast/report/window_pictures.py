"""The best, the median and the worst predicted window."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcast.data import Dataset
from seqcast.report.figures import choose_ranked, plot_window
from seqcast.report.figures.windows import MOST_OVERLAID
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import ModelResults
from seqcast.report.verdict import count

_LOOK_WINDOW = (
    "peaks at the wrong places in every window: sequence and coverage do not belong together, so"
    " check the assembly and the bin size. A bad worst window alone is usually one with hardly any"
    " coverage."
)


def write_window_pictures(
    folder: Path, dataset: Dataset, models: Sequence[ModelResults], ranked: Sequence[ModelResults]
) -> dict[str, Picture]:
    """Write `window_best`, `window_median` and `window_worst` of the best model, all overlaid.

    `models` are in the order of the config, `ranked` the best first.
    """
    best = ranked[0]
    shown = choose_ranked(best.r, 3)
    opened = {model.name: model.predictions for model in models}
    pictures = {}
    for kind, index in best.find_windows().items():
        row = int(best.predictions.rows[index])
        holding = [model.name for model in ranked if row in model.predictions.rows]
        overlaid = [name for name in opened if name in holding[:MOST_OVERLAID]]
        title = f"{kind.capitalize()} window"
        figure = plot_window(dataset, opened, row, targets=shown, overlaid=overlaid, title=title)
        where = (
            f"{best.predictions.contig[index]}:{best.predictions.start[index] + 1:,}-"
            f"{best.predictions.end[index]:,}"
        )
        r = best.window_r(index)
        score = f"mean r over targets {r:.2f}" if np.isfinite(r) else "r is undefined"
        which = (
            "the prediction" if len(models) == 1 else f"the predictions of {', '.join(overlaid)}"
        )
        pictures[f"window_{kind}"] = write_picture(
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
    text = f"The {kind} of {count(len(best.windows), 'window')}{whose}, {where}: {score}."
    if any(model.predictions.has_spread for model in models if model.name in overlaid):
        text += " The band is one standard deviation of the replicates to either side."
    if len(overlaid) < len(models):
        text += f" Drawn are the {len(overlaid)} best of {len(models)} models."
    return text


def _say_window(lines: int) -> str:
    what = "the line rises" if lines == 1 else "the lines rise"
    return f"{what} where the area does, and about as high."
