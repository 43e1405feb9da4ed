"""Correlations, and the share of variance that predictions explain."""

import numpy as np
import scipy  # its parts load when they are first named: `stats`, not for pages, takes a second


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


def window_pearson_r(predicted_BT: np.ndarray, observed_BT: np.ndarray) -> float:
    """Return the mean over targets of r over a window's bins, leaving out constant targets."""
    known = ~np.isnan(observed_BT)
    p, varies_p = _centre(predicted_BT, known)
    t, varies_t = _centre(observed_BT, known)
    use = varies_p & varies_t
    if not use.any():
        return float("nan")
    p, t = p[:, use], t[:, use]
    r = (p * t).sum(axis=0) / np.sqrt(np.square(p).sum(axis=0) * np.square(t).sum(axis=0))
    return float(r.mean())


def _centre(values_BT: np.ndarray, known_BT: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values less their mean, 0 where not known, and whether each column varies."""
    highest = np.max(values_BT, axis=0, initial=-np.inf, where=known_BT)
    lowest = np.min(values_BT, axis=0, initial=np.inf, where=known_BT)
    values = np.where(known_BT, values_BT, 0).astype(np.float64)
    mean = values.sum(axis=0) / np.maximum(known_BT.sum(axis=0), 1)
    return np.where(known_BT, values - mean, 0), highest > lowest
