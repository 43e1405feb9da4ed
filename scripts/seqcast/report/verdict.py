"""The result in plain words."""

from collections.abc import Sequence

import numpy as np

from seqcast.dataset import Dataset
from seqcast.report.results import ModelResults

COURSE = "snakemake --cores 8 --resources gpu=1 --configfile config/course.yaml"

# What share of the ceiling (or, where none is known, what r) deserves which word.
_GRADES_OF_CEILING = (
    (0.95, "about as well as the noise in the data allows"),
    (0.75, "well"),
    (0.5, "fairly well"),
    (0.2, "weakly"),
)
_GRADES_OF_R = ((0.75, "well"), (0.5, "fairly well"), (0.2, "weakly"))


def find_best(results: Sequence[ModelResults]) -> ModelResults:
    """Return the model of the highest mean Pearson's r; the first where none has an r."""
    return max(results, key=lambda result: np.nan_to_num(result.mean("pearson_r"), nan=-2.0))


def format_score(result: ModelResults) -> str:
    """Write the mean r over targets against its ceiling: `0.71 of a possible 0.83 (86 %)`."""
    r, ceiling = result.mean("pearson_r"), result.mean("ceiling_pearson_r")
    if not np.isfinite(r):
        return "undefined (predicted or observed coverage is constant)"
    if not np.isfinite(ceiling) or ceiling <= 0:
        return f"{r:.2f}"
    return f"{r:.2f} of a possible {ceiling:.2f} ({100 * r / ceiling:.0f}\u00a0%)"


def make_headline(result: ModelResults, dataset: Dataset) -> str:
    """Say in one sentence how well a model predicts."""
    r, ceiling = result.mean("pearson_r"), result.mean("ceiling_pearson_r")
    if not np.isfinite(r):
        return (
            "Nothing can be said yet: no target has a Pearson's r, because predicted or observed"
            " coverage is the same everywhere."
        )
    known = np.isfinite(ceiling) and ceiling > 0
    grades = _GRADES_OF_CEILING if known else _GRADES_OF_R
    share = r / ceiling if known else r
    word = next((word for least, word in grades if share >= least), "hardly at all")
    seen = "train" in result.splits(dataset)
    where = "On windows partly known from training" if seen else "On windows it has never seen"
    return (
        f"{where}, the model predicts coverage {word}: mean Pearson's\u00a0r is"
        f" {format_score(result)}."
    )


def make_sentences(
    result: ModelResults, dataset: Dataset, warnings: Sequence[str], models: int
) -> list[str]:
    """Say what a reader must know beside the headline, the gravest first."""
    sentences = [_caution(result, dataset), _baseline(result), _extremes(result)]
    if not np.isfinite(result.mean("ceiling_pearson_r")):
        sentences.append(
            "How high r could be at all is not known here: a ceiling needs data whose truth is"
            " known, as in the simulated run."
        )
    if models > 1:
        sentences.append(
            f"Of {models} models, “{result.name}” is the best; the others follow below."
        )
    if warnings:
        sentences.append(
            f"The check of the data gave {_count(len(warnings), 'warning')}: see Data."
        )
    return [sentence for sentence in sentences if sentence]


def _caution(result: ModelResults, dataset: Dataset) -> str:
    splits = result.splits(dataset)
    if "train" in splits:
        return (
            "Caution: training windows are among those predicted, so these numbers say how well"
            " the model remembers, not how well it predicts."
        )
    if "valid" in splits:
        return (
            "Caution: validation windows are among those predicted; they chose the best epoch, so"
            " these numbers are slightly too good."
        )
    return ""


def _baseline(result: ModelResults) -> str:
    """Compare with the least that any model must beat, the training mean everywhere."""
    if "baseline_poisson_loss" not in result.metrics:
        return ""
    loss, baseline = result.metrics["poisson_loss"], result.metrics["baseline_poisson_loss"]
    known = int((loss.notna() & baseline.notna()).sum())
    if not known:
        return ""
    better = int((loss < baseline).sum())
    means = f"the chapter's Poisson loss: {loss.mean():.3f} against {baseline.mean():.3f}"
    count = "its target" if known == better == 1 else f"{better} of {known} targets"
    tail = "" if 2 * better > known else " A model that cannot do that has learned nothing yet."
    return f"It beats predicting the training mean everywhere on {count} ({means}).{tail}"


def _extremes(result: ModelResults) -> str:
    known = result.metrics.dropna(subset=["pearson_r"])
    if len(known) < 2:
        return ""
    best = known.loc[known["pearson_r"].idxmax()]
    worst = known.loc[known["pearson_r"].idxmin()]
    text = (
        f"Best target: {best['target']} (r {best['pearson_r']:.2f});"
        f" worst: {worst['target']} (r {worst['pearson_r']:.2f})."
    )
    without = len(result.metrics) - len(known)
    return f"{text} Without an r, because constant: {without}." if without else text


def make_summary(result: ModelResults, dataset: Dataset, page: str, tracks: str) -> str:
    """Return the last lines of a run in a terminal: where things lie, how good, what next."""
    splits = " and ".join(result.splits(dataset)).capitalize()
    lines = [f"Report  {page}"]
    if tracks:
        lines.append(f"Tracks  {tracks} (IGV: File > Load from File)")
    lines += [
        f"{splits:<7} Pearson's r, mean over {_count(len(result.metrics), 'target')}:"
        f" {format_score(result)}".replace("\u00a0", " "),
    ]
    if dataset.source.get("kind") == "simulated":
        lines.append(f"Next    the course's data: {COURSE}")
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
