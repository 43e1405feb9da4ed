"""The noise of an observed track, from an independent replicate."""

import numpy as np

from seqcast.evaluate.metrics.correlations import log1p, pearson_r

# Sums that were rounded to float32 differ by less.
_ROUNDING = 1e-5


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


def find_reliability(
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
