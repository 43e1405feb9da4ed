"""Formulas: a number from two arrays. Correlations, losses, peaks, reliability.

They are written out in docs/metrics.md.
"""

import numpy as np
import scipy  # its parts load when they are first named: `stats`, not for pages, takes a second
from scipy.special import xlogy

# Sums that were rounded to float32 differ by less.
_ROUNDING = 1e-5


def pearson_r(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's correlation, NaN where either is constant or shorter than two values."""
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(scipy.stats.pearsonr(x.astype(np.float64), y.astype(np.float64)).statistic)


def log1p(values: np.ndarray, unit: float | np.ndarray) -> np.ndarray:
    """Return log(1 + values / unit), float64; with a target's training mean no units matter."""
    return np.log1p(np.divide(values, unit, dtype=np.float64))


def pearson_r_log1p(x: np.ndarray, y: np.ndarray, unit: float) -> float:
    """Return Pearson's correlation of `log1p` of x and y; NaN as for `pearson_r`."""
    return pearson_r(log1p(x, unit), log1p(y, unit))


def spearman_r(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN as for `pearson_r`."""
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(scipy.stats.spearmanr(x, y).statistic)


def r2_score(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the coefficient of determination, 1 - sum of squared errors / sum of squares.

    It is negative for predictions worse than the observed mean.
    """
    observed = observed.astype(np.float64)
    spread = np.square(observed - observed.mean()).sum() if observed.size else 0.0
    if spread == 0:
        return float("nan")
    return float(1 - np.square(predicted - observed).sum() / spread)


def window_pearson_r(predicted_NB: np.ndarray, observed_NB: np.ndarray) -> np.ndarray:
    """Return r of one target over the bins of each window, (windows,); NaN as for `pearson_r`."""
    known = ~np.isnan(observed_NB)
    p, varies_p = _centre(predicted_NB, known)
    t, varies_t = _centre(observed_NB, known)
    r = np.full(len(known), np.nan)
    spread = np.sqrt(np.square(p).sum(axis=1) * np.square(t).sum(axis=1))
    return np.divide((p * t).sum(axis=1), spread, out=r, where=varies_p & varies_t)


def _centre(values_NB: np.ndarray, known_NB: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values less their window's mean, 0 where not known, and whether each window varies."""
    highest = np.max(values_NB, axis=1, initial=-np.inf, where=known_NB)
    lowest = np.min(values_NB, axis=1, initial=np.inf, where=known_NB)
    values = np.where(known_NB, values_NB, 0).astype(np.float64)
    mean = values.sum(axis=1, keepdims=True) / np.maximum(known_NB.sum(axis=1, keepdims=True), 1)
    return np.where(known_NB, values - mean, 0), highest > lowest


def poisson_loss(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the chapter's loss, mean(p - t log p) - mean(t - t log t): half the mean deviance."""
    if not observed.size:
        return float("nan")
    t = observed.astype(np.float64)
    return poisson_loss_keras(predicted, t) - float(np.mean(t - xlogy(t, t)))


def poisson_loss_keras(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return Keras' Poisson loss, mean(p - t log p); it has no fixed best value."""
    if not observed.size:
        return float("nan")
    p, t = predicted.astype(np.float64), observed.astype(np.float64)
    return float(np.mean(p - xlogy(t, p)))


def deviance_explained(loss: float, baseline_loss: float) -> float:
    """Return 1 - deviance of the predictions / deviance of the baseline, D² of scikit-learn.

    Both are given as `poisson_loss`, half a mean deviance. NaN where the baseline is perfect, or
    impossible (a mean of 0 where something was observed).
    """
    if baseline_loss <= 0 or not np.isfinite(baseline_loss):
        return float("nan")
    return 1 - loss / baseline_loss


def call_peaks(observed: np.ndarray, fdr: float) -> np.ndarray:
    """Return which bins are peaks, (bins,) bool.

    The rule is Basenji's (`basenji_test.py`): the upper tail P(X >= t) of a Poisson distribution
    whose mean is that of all bins given, t rounded to a whole number; but with the q-values of
    Benjamini and Hochberg (1995) as published, below `fdr`. Basenji's own divide as integers.
    """
    if not observed.size:
        return np.zeros(0, dtype=bool)
    rounded, inverse = np.unique(np.round(observed), return_inverse=True)
    tail = scipy.stats.poisson.sf(rounded - 1, observed.mean(dtype=np.float64))
    return scipy.stats.false_discovery_control(tail[inverse], method="bh") < fdr


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counting half; NaN without both kinds.

    By ranks, as Mann and Whitney's U: the chance that a peak scores above a bin that is none.
    """
    peaks = int(positive.sum())
    others = positive.size - peaks
    if not peaks or not others:
        return float("nan")
    ranks = scipy.stats.rankdata(score)
    return float((ranks[positive].sum() - peaks * (peaks + 1) / 2) / peaks / others)


def auprc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the precision-recall curve; NaN without peaks or without other bins.

    The sum over thresholds of precision times the gain in recall, without interpolation
    (scikit-learn's `average_precision_score`); equal scores share a threshold.
    """
    if positive.all() or not positive.any():
        return float("nan")
    order = np.argsort(score)[::-1]
    last = np.flatnonzero(np.diff(score[order], append=-np.inf))
    found = np.cumsum(positive[order])[last]
    precision = found / (last + 1)
    return float(np.sum(np.diff(found, prepend=0) * precision) / found[-1])


def from_parts(r: float, share: float) -> float:
    """Return the reliability of a sum of two parts that correlate with r.

    `share` is the part's share of the sum. Horst (1951), Educational and Psychological
    Measurement 11:368-371: for parts of unequal length whose noise variance grows as their
    length, which counting noise does. At a share of a half it is Spearman and Brown's
    2 r / (1 + r). 0 where r is not above 0.
    """
    if np.isnan(r) or not 0 < share < 1:
        return float("nan")
    if r <= 0:
        return 0.0
    return float(2 * r / (r + np.sqrt(r * r + 4 * share * (1 - share) * (1 - r * r))))


def compute_reliability(
    track: np.ndarray, replicate: np.ndarray, *, included: bool, log_unit: float | None = None
) -> float:
    """Return the share of a track's variance, (bins,), that is no noise: 0 to 1, NaN if unknown.

    A replicate that is `included` in the track is held against the track less the replicate, and
    their correlation stepped up to the sum's (`from_parts`). Otherwise replicate and track are
    taken as equally deep, and their correlation is the reliability of either. With a `log_unit` it
    is that of log(1 + x / unit), for which both parts are first brought to the depth of the sum: it
    bends where counts are low.
    """
    a, whole = replicate.astype(np.float64), track.astype(np.float64)

    def transform(values: np.ndarray) -> np.ndarray:
        """Return the logarithms, or the values."""
        return values if log_unit is None else log1p(values, log_unit)

    if not included:
        r = pearson_r(transform(a), transform(whole))
        return r if np.isnan(r) else max(r, 0.0)
    rest = np.maximum(whole - a, 0)
    total = a.sum() + rest.sum()
    share = a.sum() / total if total > 0 else np.nan
    if not 0 < share < 1:
        return float("nan")
    return from_parts(pearson_r(transform(a / share), transform(rest / (1 - share))), share)


def find_above(track: np.ndarray, replicate: np.ndarray) -> np.ndarray:
    """Return the bins, (found,), where a replicate is above the track that should hold it."""
    return np.flatnonzero(replicate - track > _ROUNDING * np.abs(track))
