"""Figures of the scores and the trainings of all models, and what is said under each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcast.report.comparison import find_reference
from seqcast.report.figures import plot_comparison, plot_learning_curves, plot_metrics
from seqcast.report.figures.scores import MOST_NAMED, has_whiskers
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import RANKED, ModelResults, Scores

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
_LOOK_COMPARISON = (
    "a coloured bar that clearly passes the grey ones and comes near the dashed ceiling,"
    " where there is one.",
    "a network that a grey bar passes has not learnt enough: see Training, then try more epochs,"
    " channels or layers.",
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
        "learning_curves": write_picture(
            curves,
            folder / "learning_curves.svg",
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
    return write_picture(
        figure,
        folder / "comparison.svg",
        f"Bar chart of the mean of Pearson's r over targets: {means}.",
        f"Mean of Pearson's r over targets; lines on the bars are 95 % intervals.{grey}",
        _LOOK_COMPARISON,
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
    mark = "An upright tick" if len(first) <= MOST_NAMED else "The dotted line"
    caption += f" {mark} is the ceiling, the most that noise allows." if ceiling else ""
    caption += " Lines through markers are 95 % intervals." if whiskers else ""
    against = [f"right of the {reference.label}"] if reference else []
    against += ["near the ceiling"] if ceiling else []
    look = f"markers {' and '.join(against) or 'near 1 and near each other'}."
    if not against:
        look += " An r alone is neither good nor bad: baselines (evaluate.baselines) would tell."
    return write_picture(
        figure,
        folder / "metrics.svg",
        f"Dot chart of Pearson's r for {len(first):,} targets, best first;"
        f" {_range(models)}. The table has the same numbers.",
        caption,
        (look, _LOOK_METRICS + _say_reference(reference)),
    )


def _say_reference(reference: Scores | None) -> str:
    return f" Left of the {reference.label}: that target needs no network yet." if reference else ""


def _range(results: Sequence[ModelResults]) -> str:
    r = np.concatenate([result.r for result in results])
    r = r[np.isfinite(r)]
    return f"r from {r.min():.2f} to {r.max():.2f}" if r.size else "no r is defined"
