"""All metrics of one target."""

from dataclasses import dataclass, fields, replace

import numpy as np

from seqcast.evaluate.metrics.blocks import Moments
from seqcast.evaluate.metrics.correlations import (
    log1p,
    pearson_r,
    pearson_r_log1p,
    r2_score,
    spearman_r,
)
from seqcast.evaluate.metrics.losses import deviance_explained, poisson_loss, poisson_loss_keras
from seqcast.evaluate.metrics.peaks import auprc, auroc, find_peaks
from seqcast.evaluate.metrics.reliability import find_reliability

Value = float | int | str
NAN = float("nan")


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
    peaks = find_peaks(track.observed, fdr)
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
    raw = find_reliability(*pair, included=track.included)
    log = find_reliability(*pair, included=track.included, log_unit=track.log_unit)
    return _name_ceiling(np.sqrt(raw), np.sqrt(log), "replicates")


def _name_ceiling(raw: float, log: float, source: str) -> dict[str, Value]:
    return {
        "ceiling_pearson_r": float(raw),
        "ceiling_pearson_r_log1p": float(log),
        "ceiling_from": source if np.isfinite([raw, log]).any() else "",
    }
