"""The result in one sentence, and in four lines for a terminal."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from seqcast.data import Dataset
from seqcast.report.results import RANKED, ModelResults, Scores
from seqcast.settings import find_source

Kind = TypeVar("Kind", bound=Scores)

YEAST = ".venv/bin/snakemake --cores all --resources gpu=1 --configfile config/yeast.yaml"

# What share of the ceiling (or, where none is known, what r) deserves which word.
_GRADES_OF_CEILING = (
    (0.95, "about as well as the noise in the data allows"),
    (0.75, "well"),
    (0.5, "fairly well"),
    (0.2, "weakly"),
)
_GRADES_OF_R = ((0.75, "well"), (0.5, "fairly well"), (0.2, "weakly"))


def rank(scores: Sequence[Kind]) -> list[Kind]:
    """Return models or baselines by their mean r of log1p coverage, best first, undefined last."""
    return sorted(scores, key=lambda each: -np.nan_to_num(each.mean(RANKED), nan=-2.0))


def format_score(scores: Scores, column: str = RANKED) -> str:
    """Write the mean r over targets against its ceiling: `0.71 of a possible 0.83 (86 %)`.

    A ceiling of some of the targets only would not be that of the mean, and is left out.
    """
    r, ceiling = scores.mean(column), scores.mean(f"ceiling_{column}")
    if not np.isfinite(r):
        return "undefined (predicted or observed coverage is constant)"
    if not scores.has_ceiling(column):
        return f"{r:.2f}"
    return f"{r:.2f} of a possible {ceiling:.2f} ({100 * r / ceiling:.0f}\u00a0%)"


def is_behind(best: ModelResults, reference: Scores | None) -> bool:
    """Say whether the best model predicts worse than a baseline."""
    return reference is not None and reference.mean(RANKED) > best.mean(RANKED)


def make_headline(
    best: ModelResults, dataset: Dataset, reference: Scores | None = None, models: int = 1
) -> str:
    """Say in one sentence how well the best model predicts, or that a baseline does it better."""
    r, known = best.mean(RANKED), best.has_ceiling()
    if not np.isfinite(r):
        return (
            "Nothing can be said yet: no target has a Pearson's r, because predicted or observed"
            " coverage is the same everywhere."
        )
    if reference is not None and is_behind(best, reference):
        whose = "the network" if models == 1 else f"the best of {models} networks"
        return (
            f"Not good enough yet: {reference.phrase} predicts better than {whose}; mean"
            f" Pearson's\u00a0r is {reference.mean(RANKED):.2f} against {r:.2f}."
        )
    share = r / best.mean(f"ceiling_{RANKED}") if known else r
    grades = _GRADES_OF_CEILING if known else _GRADES_OF_R
    word = next((word for least, word in grades if share >= least), "hardly at all")
    seen = "train" in best.splits(dataset)
    where = "On windows partly known from training" if seen else "On windows it has never seen"
    whose = "the network" if models == 1 else f"“{best.name}”, the best of {models} models,"
    against = f"; {reference.phrase} reaches {reference.mean(RANKED):.2f}" if reference else ""
    return (
        f"{where}, {whose} predicts coverage {word}: mean Pearson's\u00a0r is"
        f" {format_score(best)}{against}."
    )


def make_summary(
    best: ModelResults,
    dataset: Dataset,
    page: str,
    tracks: str,
    reference: Scores | None = None,
    models: int = 1,
    run: str = "",
) -> str:
    """Return the last lines of a run in a terminal: where things lie, how good, what next."""
    splits = " and ".join(best.splits(dataset)).capitalize()
    lines = [f"Report  {page}"]
    if tracks:
        lines.append(f"Tracks  {tracks} (to see them: make browse{run and f' RUN={run}'})")
    whose = f" by the best model, {best.name}" if models > 1 else ""

    def score_of(column: str) -> str:
        """Write a metric beside that of the reference."""
        against = f", {reference.label} {reference.mean(column):.2f}" if reference else ""
        return f"{format_score(best, column)}{against}"

    total, known = len(best.metrics), int(np.isfinite(best.metrics[RANKED]).sum())
    averaged = count(total, "target") if known == total else f"{known:,} of {total:,} targets"
    score = (
        f"{splits:<7} Pearson's r of log1p coverage{whose}, mean over"
        f" {averaged}: {score_of(RANKED)}; of raw coverage"
        f" {score_of('pearson_r')}"
    )
    lines.append(score.replace("\u00a0", " "))
    if find_source(dataset.source.get("kind")).IS_SIMULATED:
        lines.append(f"Next    real data, in minutes: {YEAST}")
    return "\n".join(lines) + "\n"


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 target`, `12 targets`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
