"""Figures of single bins: where predictions agree with what was observed, and where not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.data import Dataset
from seqcast.report.figures import (
    Pairs,
    choose_ranked,
    compute_calibrations,
    compute_distance_profile,
    compute_gc_profile,
    correlate_targets,
    find_compared,
    plot_calibration,
    plot_correlations,
    plot_errors,
    plot_scatter,
    read_pairs,
    read_window_pairs,
)
from seqcast.report.figures.calibration import Calibration
from seqcast.report.figures.correlations import Likeness
from seqcast.report.figures.errors import compute_quartiles
from seqcast.report.figures.panels import MOST_PANELS
from seqcast.report.figures.profiles import Profile
from seqcast.report.figures.windows import MOST_OVERLAID
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import ModelResults
from seqcast.tracks.style import Style, style_of

# Enough bins for a mean or a correlation of each target.
_MOST_BINS = 200_000

_LOOK_SCATTER = (
    "the dark cells follow the dashed line, at high coverage as at low.",
    "a cloud that flattens on the right means peaks are predicted too low: train longer. A"
    " column over zero means peaks predicted where none were measured: often repeats or regions"
    " that reads do not map to.",
)
_LOOK_CALIBRATION = (
    "dots on the dashed line, at the right end, where the peaks are, as at the left.",
    "dots above the line on the right: peaks are higher than predicted, often because a clip hid"
    " their height (see Data) or training stopped early. Below it: the model promises peaks that"
    " are not there, so give it more data or more dropout. All dots to one side: training and"
    " predicted windows differ in depth or composition.",
)
_LOOK_ERRORS = (
    "a line that keeps its distance below the dotted one, and a ratio near 1, from left to right.",
    "an error that climbs at the ends of a window: bins there lack sequence on one side, so let"
    " windows overlap (dataset.stride) or make them longer (dataset.window). A ratio that drifts"
    " with GC content: the model leans on base composition, or the library was biased by it;"
    " compare with the GC baseline, and look at GC-rich peaks in the tracks.",
)
_LOOK_CORRELATIONS = (
    "the same blocks in both pictures. Predictions hold no counting noise, so they may be somewhat"
    " more alike than what was observed.",
    "targets that are alike only where they are predicted: the model has learnt what they share and"
    " little of what tells them apart (specific r under Metrics says how much). Train longer, or"
    " give it more channels; replicates of one experiment are rightly alike.",
)


@dataclass(frozen=True)
class Diagnostics:
    """Pictures of single bins; `scatter` has one a model."""

    scatter: Mapping[str, Picture]
    calibration: Picture
    errors: Picture
    correlations: Picture


def write_diagnostics(
    folder: Path, dataset: Dataset, models: Sequence[ModelResults], ranked: Sequence[ModelResults]
) -> Diagnostics:
    """Write `<model>.scatter.png`, `calibration.svg`, `errors.svg` and `correlations.svg`.

    `models` are in the order of the config, which gives each its colour, `ranked` the best first.
    All show the same targets: a dozen of the best model's, or for errors and correlations forty.
    One model's bins are held at a time; of very many bins a sample is read.
    """
    best, targets = ranked[0], choose_ranked(ranked[0].r, MOST_PANELS)
    overlaid = {each.name for each in ranked[:MOST_OVERLAID]}
    scatter, calibrations = {}, {}
    for model in models:
        pairs = read_pairs(dataset, model.predictions, targets)
        scatter[model.name] = _write_scatter(folder, dataset, model, pairs)
        if model.name in overlaid:
            calibrations[model.name] = compute_calibrations(pairs)
    shown = [model for model in models if model.name in overlaid]
    styles = {model.name: style_of(index) for index, model in enumerate(models)}
    compared = find_compared(best.r)
    names = [dataset.targets.identifier[target] for target in targets]
    which = _name_targets(len(targets), len(best.r))
    figure = plot_calibration(names, calibrations, styles=styles)
    return Diagnostics(
        scatter,
        write_picture(
            figure, folder / "calibration.svg", *_describe_calibration(calibrations, which, pairs)
        ),
        _write_errors(folder, dataset, shown, compared, styles),
        _write_correlations(folder, dataset, best, shown, compared),
    )


def _write_scatter(folder: Path, dataset: Dataset, model: ModelResults, pairs: Pairs) -> Picture:
    which = _name_targets(len(pairs.targets), len(model.metrics))
    figure = plot_scatter(
        dataset, model.predictions, model.metrics, targets=pairs.targets, pairs=pairs
    )
    r = model.r[list(pairs.targets)]
    r = r[np.isfinite(r)]
    said = f"r from {r.min():.2f} to {r.max():.2f}" if r.size else "no r is defined"
    return write_picture(
        figure,
        folder / f"{model.name}.scatter.png",
        f"Two-dimensional histograms of predicted against observed coverage, {which}; {said}.",
        f"Predicted bins of {which}: the darker a cell, the more bins have that pair of values."
        f" Overlapping windows are averaged.{_say_sample(pairs)}",
        _LOOK_SCATTER,
    )


def _describe_calibration(
    calibrations: Mapping[str, Sequence[Calibration]], which: str, pairs: Pairs
) -> tuple[str, str, tuple[str, str]]:
    """Return alt text, caption, and what to look for."""
    tops = {
        name: _compute_median([calibration.top_ratio for calibration in each])
        for name, each in calibrations.items()
    }
    over = " (median over targets)" if len(pairs.targets) > 1 else ""
    said = _say_each(tops, f" Where most is predicted, it is {{}} times what was observed{over}.")
    caption = (
        f"Bins of {which}, in groups by what is predicted for them, finer where it is high: a dot"
        " is the mean prediction of a group and the mean of what was observed there; hollow at the"
        f" edge where a mean is near 0.{said}{_say_sample(pairs)}"
    )
    return (
        f"Line charts of mean observed against mean predicted coverage, {which}.{said}",
        caption,
        (_LOOK_CALIBRATION),
    )


def _write_errors(
    folder: Path,
    dataset: Dataset,
    shown: Sequence[ModelResults],
    compared: Sequence[int],
    styles: Mapping[str, Style],
) -> Picture:
    gc, distance = {}, {}
    for model in shown:
        pairs = read_window_pairs(dataset, model.predictions, compared, _MOST_BINS)
        gc[model.name] = compute_gc_profile(dataset, pairs)
        distance[model.name] = compute_distance_profile(pairs)
    figure = plot_errors(gc, distance, styles=styles)
    which = _name_compared(len(compared), len(dataset.targets))
    over = f" Lines are medians over {which}." if len(compared) > 1 else ""
    ends = {name: _compare_ends(each) for name, each in distance.items()}
    said = _say_each(ends, " At the ends of a window the error is {} times that at its centre.")
    return write_picture(
        figure,
        folder / "errors.svg",
        "Line charts of error, and of predicted over observed coverage, along the GC content of"
        f" bins and across the window.{said}",
        "Above, the root mean squared error of log1p coverage, where predicting each target's mean"
        " everywhere has 1; dotted, that mean's own error in the same bins. Below, predicted over"
        f" observed coverage, summed.{over} Here each window stands for itself;"
        " elsewhere, where windows overlap, the ends of one are left to the next."
        f"{said}{_say_sample(pairs)}",
        _LOOK_ERRORS,
    )


def _compute_median(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _say_each(numbers: Mapping[str, float], sentence: str) -> str:
    """Put the number of each model that has one into a sentence; no number, no sentence."""
    known = {name: f"{value:.2f}" for name, value in numbers.items() if np.isfinite(value)}
    if not known:
        return ""
    named = [f"{value} ({name})" for name, value in known.items()]
    return sentence.format(", ".join(named if len(numbers) > 1 else known.values()))


def _compare_ends(profile: Profile) -> float:
    """Return the median error in the outermost group over that in the innermost."""
    if len(profile.at) < 2:
        return float("nan")
    middle = compute_quartiles(profile.error)[1]
    return float(middle[-1] / middle[0]) if middle[0] > 0 else float("nan")


def _write_correlations(
    folder: Path,
    dataset: Dataset,
    best: ModelResults,
    shown: Sequence[ModelResults],
    compared: Sequence[int],
) -> Picture:
    found: dict[str, Likeness] = {}
    for model in shown:
        pairs = read_pairs(dataset, model.predictions, compared, _MOST_BINS)
        found[model.name] = correlate_targets(pairs)
    likeness = found[best.name]
    figure = plot_correlations([dataset.targets.identifier[t] for t in likeness.targets], likeness)
    which = _name_compared(len(compared), len(dataset.targets))
    whose = f" by {best.name}" if len(shown) > 1 else ""
    said = _say_likeness(found, best)
    unknown = np.isnan([likeness.observed, likeness.predicted]).any()
    grey = " Grey: a target is constant there, or not known." if unknown else ""
    return write_picture(
        figure,
        folder / "correlations.svg",
        f"Two matrices of the correlations between {which}, observed and predicted{whose}.{said}",
        f"Pearson's r of log1p coverage between any two of {which}, over the same bins, observed"
        f" and predicted{whose}; both in the order that sets alike next to alike as observed."
        f"{grey}{said}{_say_sample(pairs)}",
        _LOOK_CORRELATIONS,
    )


def _say_likeness(found: Mapping[str, Likeness], best: ModelResults) -> str:
    observed, predicted = found[best.name].means
    if not np.isfinite(observed):
        return ""
    text = f" The mean over pairs is r {observed:.2f} observed and r {predicted:.2f} predicted."
    agreed = {name: each.agreement for name, each in found.items()}
    agreed = {name: value for name, value in agreed.items() if np.isfinite(value)}
    if best.name in agreed:
        text += f" Over pairs of targets the two pictures agree with r {agreed.pop(best.name):.2f}"
        others = ", ".join(f"{name} {value:.2f}" for name, value in agreed.items())
        text += f" (others: {others})." if others else "."
    return text


def _name_targets(shown: int, total: int) -> str:
    if shown < total:
        return f"the best, the middle and the worst four of {total:,} targets"
    return "every target" if total > 1 else "the target"


def _name_compared(shown: int, total: int) -> str:
    if shown < total:
        return f"{shown} of {total:,} targets, from the best to the worst in even steps"
    return f"{total} targets" if total > 1 else "the target"


def _say_sample(pairs: Pairs) -> str:
    if not pairs.is_sample:
        return ""
    return f" Drawn from {len(pairs.bins):,} random bins out of {pairs.total:,}."
