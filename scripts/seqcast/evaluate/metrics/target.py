"""All metrics of one target: the columns of `metrics.tsv`, what each means, and its value."""

from dataclasses import dataclass, fields, replace

import numpy as np

from seqcast.evaluate.metrics.formulas import (
    auprc,
    auroc,
    call_peaks,
    compute_reliability,
    deviance_explained,
    log1p,
    pearson_r,
    pearson_r_log1p,
    poisson_loss,
    poisson_loss_keras,
    r2_score,
    spearman_r,
)
from seqcast.evaluate.metrics.sums import Moments

Value = float | int | str
NAN = float("nan")

_COVERAGE = "coverage of a bin as it was read (for most tracks the sum over its bases), unclipped"
_LOG = (
    "natural logarithm of 1 + coverage of the bin / mean coverage of the target's training bins, so"
    " that units do not matter"
)
_INTERVAL = (
    "end of its 95 % interval: percentile bootstrap over non-overlapping blocks of a window's"
    " length; none below five blocks"
)

DEFINITIONS: dict[str, str] = {
    "target": "Identifier of the target.",
    "pearson_r": f"Pearson's r of predicted and observed {_COVERAGE}; each bin once.",
    "pearson_r_low": f"Lower {_INTERVAL}.",
    "pearson_r_high": f"Upper {_INTERVAL}.",
    "pearson_r_log1p": f"Pearson's r of predicted and observed {_LOG}; each bin once.",
    "pearson_r_log1p_low": f"Lower {_INTERVAL}.",
    "pearson_r_log1p_high": f"Upper {_INTERVAL}.",
    "clipped_pearson_r": "As pearson_r, with the observed track clipped as in training.",
    "clipped_pearson_r_log1p": "As pearson_r_log1p, with the observed track clipped as in"
    " training.",
    "pearson_r_log1p_as_read": "Pearson's r of the natural logarithm of 1 + coverage as read, to be"
    " held against figures from elsewhere; other units of a track give another r.",
    "spearman_r": "Pearson's r of the ranks of predicted and observed coverage, ties at their mean"
    " rank.",
    "r2": "1 - sum of squared errors / sum of squares about the observed mean.",
    "deviance_explained": "1 - Poisson deviance of the predictions / Poisson deviance of the"
    " training mean in every bin.",
    "poisson_loss": "mean(p - t log p) - mean(t - t log t), natural logarithm: the chapter's loss,"
    " half the mean Poisson deviance; 0 is perfect.",
    "poisson_loss_keras": "mean(p - t log p), natural logarithm: Keras' and Basenji's loss; its"
    " best value depends on the data.",
    "baseline_poisson_loss": "poisson_loss of the training mean in every bin.",
    "baseline_poisson_loss_keras": "poisson_loss_keras of the training mean in every bin.",
    "across_pearson_r": "Pearson's r of the mean coverage of blocks of a window's length: which"
    " windows are high. Blocks less than half known are left out.",
    "across_pearson_r_log1p": "The same of the mean of log(1 + coverage / training mean).",
    "within_pearson_r": "Pearson's r of coverage less the mean of its block, each bin once: the"
    " shape inside windows.",
    "within_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "peak_auroc": "Area under the ROC curve of the predictions as a score for observed peaks;"
    " chance is 0.5.",
    "peak_auprc": "Area under the precision-recall curve (average precision) of the same; chance"
    " is peak_share.",
    "peaks": "Observed peaks: bins whose coverage has a false discovery rate (Benjamini-Hochberg)"
    " below evaluate.peak_fdr under a Poisson distribution with the mean of all evaluated bins.",
    "peak_share": "Share of the bins that are peaks.",
    "specific_pearson_r": "Pearson's r of residuals: log(1 + coverage / mean coverage of the"
    " target), less its mean over all targets in the bin; none with one target.",
    "ceiling_pearson_r": "The r that noise in the observed track lets a perfect model expect.",
    "ceiling_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "ceiling_from": "Where the ceiling comes from: rate (r of the noiseless rate with the observed"
    " track), replicates (square root of the track's reliability), or empty.",
    "control_pearson_r": "Negative control: pearson_r of predictions for dinucleotide-shuffled"
    " windows; near 0 unless the composition of a window tells its level.",
    "control_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "mean_observed": "Mean observed coverage of a bin.",
    "mean_predicted": "Mean predicted coverage of a bin.",
    "ratio_of_sums": "Sum of predicted / sum of observed coverage; 1 is right.",
    "bins": "Number of bins compared.",
    "blocks": "Number of non-overlapping blocks that these bins lie in.",
}


@dataclass(frozen=True)
class Track:
    """One target on the evaluated bins, (bins,) each, in units of coverage.

    Logarithms are of coverage in units of `log_unit`, the training mean where that is above 0.
    `block` numbers the block that a bin lies in; a full one has `block_bins`. `clipped` is the
    observed track as training saw it. `rate` is the noiseless truth and `replicate` an independent
    measurement, where there is one; `included` says that the track holds the replicate.
    """

    predicted: np.ndarray
    observed: np.ndarray
    block: np.ndarray
    block_bins: int
    train_mean: float
    clipped: np.ndarray | None = None
    rate: np.ndarray | None = None
    replicate: np.ndarray | None = None
    included: bool = False

    @property
    def log_unit(self) -> float:
        """What coverage is divided by before its logarithm."""
        return self.train_mean if self.train_mean > 0 else 1.0

    def keep(self, bins: np.ndarray) -> "Track":
        """Return the track on some of its bins."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self,
            **{name: a[bins] for name, a in arrays.items() if isinstance(a, np.ndarray)},
        )


def evaluate_target(track: Track, *, peak_fdr: float, draws: int) -> dict[str, Value]:
    """Compute the metrics of a target by themselves, each known bin once, by column.

    The baseline predicts the training mean everywhere; intervals come from so many `draws`. What
    needs other targets or other predictions (`specific_`, `control_`) is not among them.
    """
    track = track.keep(~np.isnan(track.observed))
    p, t = track.predicted, track.observed
    return {
        **_correlations(track, draws),
        "spearman_r": spearman_r(p, t),
        "r2": r2_score(p, t),
        **_losses(track),
        **_peaks(track, peak_fdr),
        **_ceiling(track),
        "mean_observed": float(t.mean(dtype=np.float64)) if t.size else NAN,
        "mean_predicted": float(p.mean()) if t.size else NAN,
        "ratio_of_sums": float(p.sum() / t.sum(dtype=np.float64)) if t.any() else NAN,
        "bins": t.size,
        "blocks": np.unique(track.block).size,
    }


def _correlations(track: Track, draws: int) -> dict[str, Value]:
    """Return r, its interval and its parts, of raw values and of logarithms."""
    p, t, clipped, unit = track.predicted, track.observed, track.clipped, track.log_unit
    row: dict[str, Value] = {
        "pearson_r": pearson_r(p, t),
        "pearson_r_log1p": pearson_r_log1p(p, t, unit),
        "clipped_pearson_r": NAN,
        "clipped_pearson_r_log1p": NAN,
        "pearson_r_log1p_as_read": pearson_r_log1p(p, t, 1.0),
    }
    if clipped is not None:
        row["clipped_pearson_r"] = pearson_r(p, clipped)
        row["clipped_pearson_r_log1p"] = pearson_r_log1p(p, clipped, unit)
    raw, logs = (p.astype(np.float64), t.astype(np.float64)), (log1p(p, unit), log1p(t, unit))
    for end, pair in (("", raw), ("_log1p", logs)):
        moments = Moments.from_values(*pair, track.block)
        low, high = moments.interval(draws)
        row[f"pearson_r{end}_low"], row[f"pearson_r{end}_high"] = low, high
        row[f"across_pearson_r{end}"] = moments.across(track.block_bins / 2)
        row[f"within_pearson_r{end}"] = moments.within()
    return row


def _losses(track: Track) -> dict[str, Value]:
    p, t = track.predicted, track.observed
    baseline = np.full(t.size, track.train_mean)
    loss, baseline_loss = poisson_loss(p, t), poisson_loss(baseline, t)
    return {
        "deviance_explained": deviance_explained(loss, baseline_loss),
        "poisson_loss": loss,
        "poisson_loss_keras": poisson_loss_keras(p, t),
        "baseline_poisson_loss": baseline_loss,
        "baseline_poisson_loss_keras": poisson_loss_keras(baseline, t),
    }


def _peaks(track: Track, fdr: float) -> dict[str, Value]:
    peaks = call_peaks(track.observed, fdr)
    return {
        "peak_auroc": auroc(track.predicted, peaks),
        "peak_auprc": auprc(track.predicted, peaks),
        "peaks": int(peaks.sum()),
        "peak_share": float(peaks.mean()) if peaks.size else NAN,
    }


def _ceiling(track: Track) -> dict[str, Value]:
    """Return the r that a model without fault would reach; the rate, if known, goes first."""
    if track.rate is not None:
        raw = pearson_r(track.rate, track.observed)
        log = pearson_r_log1p(track.rate, track.observed, track.log_unit)
        return _name_ceiling(raw, log, "rate")
    if track.replicate is None or not (known := ~np.isnan(track.replicate)).any():
        return _name_ceiling(NAN, NAN, "")
    pair = (track.observed[known], track.replicate[known])
    raw = compute_reliability(*pair, included=track.included)
    log = compute_reliability(*pair, included=track.included, log_unit=track.log_unit)
    return _name_ceiling(np.sqrt(raw), np.sqrt(log), "replicates")


def _name_ceiling(raw: float, log: float, source: str) -> dict[str, Value]:
    return {
        "ceiling_pearson_r": float(raw),
        "ceiling_pearson_r_log1p": float(log),
        "ceiling_from": source if np.isfinite([raw, log]).any() else "",
    }
