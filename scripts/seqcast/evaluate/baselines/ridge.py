"""Ridge regression of log1p coverage from sums over bins, which may be added up in any portions.

Shapes: B bins, F features, T targets.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve

STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)
"""Values of lambda that are tried."""
# Predictions stay between a thousandth of the mean (on the log scale) and ten times the highest
# coverage: a linear fit goes on beyond, and a rate of 0 has no Poisson loss.
_LOWEST_SHARE, _HIGHEST_SHARE = 1e-3, 10.0
# A variance below this share of the mean square is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Moments:
    """Sums over bins of features x, of y = log(1 + coverage) and of their products, float64."""

    count: int
    x_F: np.ndarray
    y_T: np.ndarray
    xx_FF: np.ndarray
    xy_FT: np.ndarray
    yy_T: np.ndarray
    highest_T: np.ndarray

    @classmethod
    def from_bins(cls, features_BF: np.ndarray, coverage_BT: np.ndarray) -> "Moments":
        """Sum over bins whose coverage is known; there may be none."""
        x, y = features_BF.astype(np.float64), np.log1p(coverage_BT, dtype=np.float64)
        sums = (x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, np.square(y).sum(axis=0))
        return cls(len(x), *sums, y.max(axis=0, initial=0))

    def __add__(self, other: "Moments") -> "Moments":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        *sums, highest = pairs
        return Moments(*(ours + theirs for ours, theirs in sums), np.maximum(*highest))

    @property
    def _n(self) -> int:
        return max(self.count, 1)

    @property
    def covariance_FF(self) -> np.ndarray:
        """Covariance of the features."""
        mean = self.x_F / self._n
        return self.xx_FF / self._n - np.outer(mean, mean)

    @property
    def covariance_FT(self) -> np.ndarray:
        """Covariance of features and targets."""
        return self.xy_FT / self._n - np.outer(self.x_F / self._n, self.y_T / self._n)

    @property
    def deviation_F(self) -> np.ndarray:
        """Standard deviation of each feature; infinite where it is constant and tells nothing."""
        square = np.diag(self.xx_FF) / self._n
        variance = square - np.square(self.x_F / self._n)
        return np.sqrt(np.where(variance > _ROUNDING * square, variance, np.inf))

    def pearson_r(self, weights_FT: np.ndarray) -> np.ndarray:
        """Return r of x times weights and y, (targets,); NaN where either is constant."""
        predicted = np.einsum("ft,ft->t", weights_FT, self.covariance_FF @ weights_FT)
        observed = self.yy_T / self._n - np.square(self.y_T / self._n)
        known = (predicted > 0) & (observed > _ROUNDING * self.yy_T / self._n)
        shared = np.einsum("ft,ft->t", weights_FT, self.covariance_FT)
        return np.where(known, shared, np.nan) / np.sqrt(np.where(known, predicted * observed, 1))


@dataclass(frozen=True)
class Ridge:
    """A fitted regression of log(1 + coverage), whose predictions are kept within limits.

    `valid_r_T` is r on the valid bins, before these were fitted as well.
    """

    weights_FT: np.ndarray
    intercept_T: np.ndarray
    lowest_T: np.ndarray
    highest_T: np.ndarray
    strength_T: np.ndarray
    valid_r_T: np.ndarray

    def predict(self, features_BF: np.ndarray) -> np.ndarray:
        """Predict coverage, (bins, targets) float32, not below 0."""
        logs = features_BF @ self.weights_FT + self.intercept_T
        return np.expm1(np.clip(logs, self.lowest_T, self.highest_T)).astype(np.float32)

    @property
    def digest(self) -> str:
        """Return the sha256 of the coefficients."""
        total = hashlib.sha256()
        for values in (self.weights_FT, self.intercept_T, self.lowest_T, self.highest_T):
            total.update(np.ascontiguousarray(values, dtype="<f8"))
        return total.hexdigest()


def fit_ridge(train: Moments, valid: Moments) -> Ridge:
    """Fit each target with the lambda whose r on the valid bins is best, then on all bins.

    The weights minimise sum (y - x w)² + lambda sum w² over standardised features (Hoerl &
    Kennard 1970), r is Pearson's on the log scale. A target without known bins is predicted as 0.
    """
    tried_SFT = np.stack([_solve(train, strength) for strength in STRENGTHS])
    r_ST = np.stack([valid.pearson_r(weights) for weights in tried_SFT])
    known_ST = np.where(np.isnan(r_ST), -np.inf, r_ST)
    # Of a single feature r is the same whatever lambda: the first of equals, rounding aside.
    best_T = np.argmax(known_ST >= known_ST.max(axis=0) - 1e-9, axis=0)
    total, weights_FT = train + valid, np.zeros_like(tried_SFT[0])
    for index in np.unique(best_T):
        chosen = best_T == index
        weights_FT[:, chosen] = _solve(total, STRENGTHS[index])[:, chosen]
    mean_T = total.y_T / max(total.count, 1)
    return Ridge(
        weights_FT=weights_FT,
        intercept_T=mean_T - total.x_F @ weights_FT / max(total.count, 1),
        lowest_T=np.log1p(_LOWEST_SHARE * np.expm1(mean_T)),
        highest_T=np.log1p(_HIGHEST_SHARE * np.expm1(total.highest_T)),
        strength_T=np.take(STRENGTHS, best_T),
        valid_r_T=np.take_along_axis(r_ST, best_T[None], axis=0)[0],
    )


def _solve(moments: Moments, strength: float) -> np.ndarray:
    """Return the weights of features as they are, (features, targets)."""
    deviation = moments.deviation_F
    scaled = moments.covariance_FF / deviation / deviation[:, None]
    np.fill_diagonal(scaled, np.diag(scaled) + strength / max(moments.count, 1))
    weights = solve(scaled, moments.covariance_FT / deviation[:, None], assume_a="pos")
    return weights / deviation[:, None]
