"""What is specific to a target: what is left when the mean over targets is taken off."""

import numpy as np

from seqcast.evaluate.metrics.correlations import pearson_r


class CrossTargetMean:
    """The mean over targets of log(1 + coverage / mean coverage) in each bin.

    Each target is scaled to mean 1, predicted and observed by their own mean, so that deep tracks
    do not rule. Add all targets first, then ask for each; memory does not grow with their number.
    """

    def __init__(self, bins: int) -> None:
        self._predicted, self._observed = np.zeros(bins), np.zeros(bins)
        self._count = np.zeros(bins, dtype=np.int64)

    def add(self, predicted: np.ndarray, observed: np.ndarray) -> None:
        """Add a target, (bins,) each; a target without coverage has no share in the mean."""
        p, t, known = _scale(predicted, observed)
        self._predicted[known] += p
        self._observed[known] += t
        self._count[known] += 1

    def specific_pearson_r(self, predicted: np.ndarray, observed: np.ndarray) -> float:
        """Return r of a target's residuals, over bins that at least two targets know."""
        p, t, known = _scale(predicted, observed)
        count = self._count[known]
        shared = count > 1
        p = p[shared] - (self._predicted[known] / np.maximum(count, 1))[shared]
        t = t[shared] - (self._observed[known] / np.maximum(count, 1))[shared]
        # Of targets that are all the same only rounding errors are left.
        return pearson_r(p.round(12), t.round(12))


def _scale(
    predicted: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both as log(1 + value / mean) on known bins, and which bins these are."""
    known = ~np.isnan(observed)
    p, t = predicted[known].astype(np.float64), observed[known].astype(np.float64)
    if not known.any() or p.mean() == 0 or t.mean() == 0:
        return np.zeros(0), np.zeros(0), np.zeros_like(known)
    return np.log1p(p / p.mean()), np.log1p(t / t.mean()), known
