"""What a reader must know beside the headline, in plain words, the gravest first."""

from collections.abc import Sequence

import numpy as np

from seqcast.core.errors import list_some
from seqcast.data import Dataset
from seqcast.data.card import explain_constant
from seqcast.report.comparison import find_reference
from seqcast.report.results import RANKED, ModelResults, Scores
from seqcast.report.verdict import count, format_score, is_behind

_CEILING = {
    "rate": "The ceiling is the r of the noiseless rate, which is known for simulated data.",
    "replicates": (
        "The ceiling comes from independent replicates. Replicates that were split from one library"
        " bound counting noise only: then the true ceiling is lower."
    ),
}
# What r of predictions from shuffled sequence is too far from 0.
_MOST_CONTROL = 0.1
# Below this r of residuals a model hardly tells targets apart.
_LEAST_SPECIFIC = 0.1


def make_sentences(
    models: Sequence[ModelResults],
    baselines: Sequence[Scores],
    dataset: Dataset,
    warnings: Sequence[str],
) -> list[str]:
    """Say what must be known of the models (best first): cautions, baselines, noise, control."""
    best, reference = models[0], find_reference(baselines)
    sentences = [
        _caution(best, dataset),
        _advise(best) if is_behind(best, reference) else "",
        _constant(best),
        _explain_r(models),
        *(_compare(best, scores, always=scores is reference) for scores in baselines),
        _against_mean(best),
        _second(models),
        _ceiling(best),
        _control(best),
        _specific(best),
        _extremes(best),
    ]
    if warnings:
        sentences.append(f"The check of the data gave {count(len(warnings), 'warning')}: see Data.")
    return [sentence for sentence in sentences if sentence]


def _caution(best: ModelResults, dataset: Dataset) -> str:
    splits = best.splits(dataset)
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
    if dataset.folds > 1:
        return (
            f"Each window was predicted by the one of {dataset.folds} trainings that held it out:"
            " no number here comes from a window that its network had seen."
        )
    return ""


def _advise(best: ModelResults) -> str:
    """Say what to do about a network that a baseline beats, by how its validation loss went."""
    history = next(iter(best.histories.values())).dropna(subset=["valid_loss"])
    if history.empty:
        return "What to do: see Training, then the warnings under Data."
    kept, last = history.loc[history["valid_loss"].idxmin(), "epoch"], history["epoch"].max()
    if kept >= 0.9 * last:
        way = (
            f"its validation loss was still falling in epoch {last:g}, the last, so raise"
            " train.epochs (30 to 50 are usual)"
        )
    elif kept <= 0.3 * last:
        way = (
            f"its validation loss was lowest in epoch {kept:g} of {last:g}, so it learns its"
            " windows by heart: use more data, reverse_complement and max_jitter, or more dropout"
        )
    else:
        way = "training went well enough, so try more channels or layers, or several replicates"
    return f"What to do: {way}. Until then trust the baseline's number, not the network."


def _constant(best: ModelResults) -> str:
    """Name the targets that the training left as they were (of its first member)."""
    constant = best.training.get("constant_targets")
    return f"Caution: {explain_constant(constant)}." if constant else ""


def _explain_r(models: Sequence[ModelResults]) -> str:
    best, raw = models[0], max(models, key=lambda m: np.nan_to_num(m.mean("pearson_r"), nan=-2))
    if not np.isfinite(best.mean("pearson_r")):
        return ""
    text = (
        "This r compares log(1 + coverage / training mean), bin by bin, so that low coverage counts"
        " as well as peaks. Of raw coverage, where peaks rule, mean r is"
        f" {format_score(best, 'pearson_r')}"
    )
    if raw is not best:
        text += f"; there “{raw.name}” is the best with {raw.mean('pearson_r'):.2f}"
    return f"{text}."


def _compare(best: ModelResults, scores: Scores, *, always: bool) -> str:
    """Count the targets on which the model beats a baseline; name a few where it does not.

    Of a weaker baseline than another nothing need be said where the model always beats it.
    """
    ours, theirs = best.r, scores.r
    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.any() or (not always and (ours > theirs)[known].all()):
        return ""
    won = int((ours > theirs)[known].sum())
    lost = best.metrics["target"][known & (ours <= theirs)].tolist()
    means = f"mean r {ours[known].mean():.2f} against {theirs[known].mean():.2f}"
    where = f"{won:,} of {count(int(known.sum()), 'target')}"
    text = f"Better than {scores.phrase} on {where}; {means}."
    if won and lost:
        text += f" Not better on: {list_some(lost)}."
    return text


def _against_mean(best: ModelResults) -> str:
    if "deviance_explained" not in best.metrics:
        return ""
    explained = best.metrics["deviance_explained"].dropna()
    if explained.empty:
        return ""
    worse = int((explained <= 0).sum())
    text = (
        "Of the deviance that predicting the training mean everywhere leaves, it explains"
        f" {100 * explained.median():.0f}\u00a0% (median over targets)."
    )
    if worse:
        text += (
            f" On {count(worse, 'target')} it is no better than that mean: the shape may be right,"
            " but the heights are not."
        )
    return text


def _second(models: Sequence[ModelResults]) -> str:
    """Hold the second model against the best, with what chance can do."""
    if len(models) < 2 or not np.isfinite(models[1].mean(RANKED)):
        return ""
    best, second = models[0], models[1]
    lead = best.mean(RANKED) - second.mean(RANKED)
    text = f"Second is “{second.name}” with a mean r of {second.mean(RANKED):.2f}."
    widths = [
        max(values) - min(values)
        for model in models[:2]
        if len(values := [member.mean(RANKED) for member in model.replicates]) > 1
    ]
    if widths and lead < max(widths):
        return (
            f"{text} The lead of {lead:.3f} is less than what one model's replicates differ by"
            f" ({max(widths):.3f}): the order may be chance."
        )
    if not widths and second.mean(f"{RANKED}_high") > best.mean(f"{RANKED}_low"):
        return f"{text} Their 95\u00a0% intervals overlap: replicates would tell more."
    return text


def _ceiling(best: ModelResults) -> str:
    known = np.isfinite(best.metrics.get(f"ceiling_{RANKED}", np.array([])))
    if not known.any():
        return (
            "How high r could be at all is not known here. A ceiling needs an independent replicate"
            " (the column replicate of a targets table) or simulated data; without one, hold r"
            " against the baselines."
        )
    sources = best.metrics["ceiling_from"].unique() if "ceiling_from" in best.metrics else ()
    text = " ".join(_CEILING[source] for source in sources if source in _CEILING)
    if not known.all():
        r, ceiling, some = best.with_ceiling()
        text += (
            f" It is known for {some:,} of {count(len(known), 'target')}: on these mean r is"
            f" {r:.2f} of a possible {ceiling:.2f}."
        )
    return text.strip()


def _control(best: ModelResults) -> str:
    control = round(best.mean(f"control_{RANKED}"), 2) + 0.0  # no "-0.00"
    if not np.isfinite(control):
        return ""
    what = f"Control: with its sequence shuffled, dinucleotides kept, r is {control:.2f}"
    if abs(control) < _MOST_CONTROL:
        return f"{what}, near 0 as it should be: the network reads the order of bases."
    return (
        f"{what}, which is not near 0: part of what it predicts follows from the composition of a"
        " window alone."
    )


def _specific(best: ModelResults) -> str:
    r = best.mean("specific_pearson_r")
    if not np.isfinite(r):
        return ""
    text = f"What differs between targets, less what they share, is predicted with r {r:.2f}"
    if r < _LEAST_SPECIFIC:
        return f"{text}: it has hardly learnt more than what all targets have in common."
    return f"{text} (specific r)."


def _extremes(best: ModelResults) -> str:
    known = best.metrics.dropna(subset=[RANKED])
    if len(known) < 2:
        return ""
    top, low = known.loc[known[RANKED].idxmax()], known.loc[known[RANKED].idxmin()]
    text = (
        f"Best target: {top['target']} (r {top[RANKED]:.2f});"
        f" worst: {low['target']} (r {low[RANKED]:.2f})."
    )
    without = len(best.metrics) - len(known)
    return f"{text} Without an r, because constant: {without}." if without else text
