"""Peaks of the observed track, and whether predictions rank them first."""

import numpy as np
import scipy  # its parts load when they are first named


def find_peaks(observed: np.ndarray, fdr: float) -> np.ndarray:
    """Return which bins are peaks, (bins,) bool.

    The rule is Basenji's (`basenji_test.py`): the upper tail P(X >= t) of a Poisson distribution
    whose mean is that of all bins given, t rounded to a whole number; but with the q-values of
    Benjamini and Hochberg (1995) as published, below `fdr`. Basenji's own divide as integers.
    """
    if not observed.size:
        return np.zeros(0, dtype=bool)
    rounded, place = np.unique(np.round(observed), return_inverse=True)
    tail = scipy.stats.poisson.sf(rounded - 1, observed.mean(dtype=np.float64))
    return scipy.stats.false_discovery_control(tail[place], method="bh") < fdr


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
