"""The noise of an observed track, from an independent replicate."""

import numpy as np

from seqcast.metrics.correlations import pearson_r

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
    track: np.ndarray, replicate: np.ndarray, *, included: bool, log1p: bool = False
) -> float:
    """Return the share of a track's variance, (bins,), that is no noise: 0 to 1, NaN if unknown.

    A replicate that is `included` in the track is held against the track less the replicate, and
    their correlation stepped up to the sum's (`from_parts`). For logarithms both parts are first
    brought to the depth of the sum: log(1 + x) bends where counts are low. Otherwise replicate and
    track are taken as equally deep, and their correlation is the reliability of either.
    """
    a, whole = replicate.astype(np.float64), track.astype(np.float64)
    transform = np.log1p if log1p else np.asarray
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
