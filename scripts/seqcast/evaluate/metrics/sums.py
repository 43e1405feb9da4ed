"""What is added up before it is a number: sums over blocks of bins, means over targets."""

from dataclasses import dataclass

import numpy as np

from seqcast.evaluate.metrics.formulas import pearson_r, window_pearson_r

LEAST_BLOCKS = 5
_DRAWS_AT_ONCE = 128


@dataclass(frozen=True)
class Moments:
    """Sums of two variables in each block: n, x, y, x², y², xy; (blocks, 6) float64.

    Both variables are taken less their overall mean, which changes no correlation and keeps the
    sums exact.
    """

    sums: np.ndarray

    @classmethod
    def from_values(cls, x: np.ndarray, y: np.ndarray, block: np.ndarray) -> "Moments":
        """Sum values (bins,) by the number of the block that each lies in, (bins,)."""
        if not x.size:
            return cls(np.zeros((0, 6)))
        x, y = x - x.mean(dtype=np.float64), y - y.mean(dtype=np.float64)
        parts = [np.bincount(block, values) for values in (x, y, x * x, y * y, x * y)]
        sums = np.stack([np.bincount(block), *parts], axis=1)
        return cls(sums[sums[:, 0] > 0])

    def __len__(self) -> int:
        return len(self.sums)

    def pearson_r(self) -> float:
        """Return the correlation over all bins."""
        return float(_pearson_r(self.sums.sum(axis=0)))

    def across(self, least_bins: float) -> float:
        """Return the correlation of block means, over blocks of enough known bins."""
        n, x, y = self.sums[self.sums[:, 0] >= least_bins, :3].T
        return pearson_r(x / n, y / n)

    def within(self) -> float:
        """Return the correlation of values less the mean of their block, each bin once."""
        n, x, y, xx, yy, xy = self.sums.T
        zero = np.zeros_like(n)
        inside = np.stack([n, zero, zero, xx - x * x / n, yy - y * y / n, xy - x * y / n], axis=1)
        total = inside.sum(axis=0)
        # Blocks that are flat inside leave only rounding errors of their sums.
        flat = total[3:5] <= 1e-12 * self.sums[:, 3:5].sum(axis=0)
        return float("nan") if flat.any() else float(_pearson_r(total))

    def interval(self, draws: int, seed: int = 0) -> tuple[float, float]:
        """Return the 95 % confidence interval of `pearson_r`, from draws of whole blocks.

        A percentile bootstrap (Efron and Tibshirani 1993, chapter 13): as many blocks as there
        are, drawn with replacement. NaN below five blocks or with no draws.
        """
        count = len(self)
        if count < LEAST_BLOCKS or draws == 0:
            return float("nan"), float("nan")
        rng = np.random.default_rng(seed)
        r = []
        for first in range(0, draws, _DRAWS_AT_ONCE):
            size = min(_DRAWS_AT_ONCE, draws - first)
            times = rng.multinomial(count, np.full(count, 1 / count), size=size)
            r.append(_pearson_r(times @ self.sums))
        drawn = np.concatenate(r)
        drawn = drawn[~np.isnan(drawn)]
        if not drawn.size:
            return float("nan"), float("nan")
        low, high = np.percentile(drawn, [2.5, 97.5])
        return float(low), float(high)


def _pearson_r(sums: np.ndarray) -> np.ndarray:
    """Return correlations from sums (..., 6); NaN where either variable is constant."""
    n, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varies = (spread_x > 1e-12 * n * xx) & (spread_y > 1e-12 * n * yy)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (n * xy - x * y) / (np.sqrt(spread_x) * np.sqrt(spread_y))
    return np.where(varies, np.clip(r, -1, 1), np.nan)


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


class WindowMean:
    """The mean over targets of r in each window, over those that vary there."""

    def __init__(self, windows: int) -> None:
        self._sum, self._count = np.zeros(windows), np.zeros(windows, dtype=np.int64)

    def add(self, predicted_NB: np.ndarray, observed_NB: np.ndarray) -> None:
        """Add a target, (windows, bins) each."""
        r = window_pearson_r(predicted_NB, observed_NB)
        self._sum += np.nan_to_num(r)
        self._count += ~np.isnan(r)

    @property
    def pearson_r(self) -> np.ndarray:
        """The mean of each window, (windows,), NaN where no target varies."""
        return self._sum / np.where(self._count, self._count, np.nan)


def _scale(
    predicted: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both as log(1 + value / mean) on known bins, and which bins these are."""
    known = ~np.isnan(observed)
    p, t = predicted[known].astype(np.float64), observed[known].astype(np.float64)
    if not known.any() or p.mean() == 0 or t.mean() == 0:
        return np.zeros(0), np.zeros(0), np.zeros_like(known)
    return np.log1p(p / p.mean()), np.log1p(t / t.mean()), known
