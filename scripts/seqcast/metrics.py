"""How good predictions are, one definition each; they are written out in docs/metrics.md.

Every value counts once, all sums are float64, and what is not known (NaN in the observed) counts
nowhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import xlogy


@dataclass(frozen=True)
class TargetMetrics:
    """The metrics of one target; the names are the columns of `metrics.tsv`."""

    target: str
    pearson_r: float
    pearson_r_log1p: float
    spearman_r: float
    r2: float
    poisson_loss: float
    poisson_loss_keras: float
    baseline_poisson_loss: float
    baseline_poisson_loss_keras: float
    ceiling_pearson_r: float
    ceiling_pearson_r_log1p: float
    mean_observed: float
    mean_predicted: float
    bins: int


def pearson_r(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's correlation, NaN where either is constant or shorter than two values."""
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.pearsonr(x.astype(np.float64), y.astype(np.float64)).statistic)


def spearman_r(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN as for `pearson_r`."""
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.spearmanr(x, y).statistic)


def r2_score(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the coefficient of determination, 1 - sum of squared errors / sum of squares.

    It is negative for predictions worse than the observed mean.
    """
    observed = observed.astype(np.float64)
    spread = np.square(observed - observed.mean()).sum() if observed.size else 0.0
    if spread == 0:
        return float("nan")
    return float(1 - np.square(predicted - observed).sum() / spread)


def poisson_loss(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the chapter's loss, mean(p - t log p) - mean(t - t log t): half the mean deviance."""
    p, t = predicted.astype(np.float64), observed.astype(np.float64)
    return float(np.mean(p - xlogy(t, p)) - np.mean(t - xlogy(t, t)))


def poisson_loss_keras(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return Keras' Poisson loss, mean(p - t log p); it has no fixed best value."""
    p, t = predicted.astype(np.float64), observed.astype(np.float64)
    return float(np.mean(p - xlogy(t, p)))


def evaluate_target(
    name: str,
    predicted: np.ndarray,
    observed: np.ndarray,
    *,
    train_mean: float,
    rate: np.ndarray | None = None,
) -> TargetMetrics:
    """Compute all metrics of a target from (bins,) arrays, each bin once.

    The baseline predicts `train_mean` everywhere. `rate` is the noiseless truth where it is known:
    its r to the observed track is the ceiling that no model can pass.
    """
    known = ~np.isnan(observed)
    p, t = predicted[known], observed[known].astype(np.float64)
    baseline = np.full_like(t, train_mean)
    truth = rate[known] if rate is not None else np.zeros_like(t)
    nothing = not t.size
    return TargetMetrics(
        target=name,
        pearson_r=pearson_r(p, t),
        pearson_r_log1p=pearson_r(np.log1p(p), np.log1p(t)),
        spearman_r=spearman_r(p, t),
        r2=r2_score(p, t),
        poisson_loss=np.nan if nothing else poisson_loss(p, t),
        poisson_loss_keras=np.nan if nothing else poisson_loss_keras(p, t),
        baseline_poisson_loss=np.nan if nothing else poisson_loss(baseline, t),
        baseline_poisson_loss_keras=np.nan if nothing else poisson_loss_keras(baseline, t),
        ceiling_pearson_r=pearson_r(truth, t),
        ceiling_pearson_r_log1p=pearson_r(np.log1p(truth), np.log1p(t)),
        mean_observed=np.nan if nothing else float(t.mean()),
        mean_predicted=np.nan if nothing else float(p.mean()),
        bins=int(known.sum()),
    )


def window_pearson_r(predicted_BT: np.ndarray, observed_BT: np.ndarray) -> float:
    """Return the mean over targets of r over a window's bins, leaving out constant targets."""
    values = []
    for p, t in zip(predicted_BT.T, observed_BT.T, strict=True):
        known = ~np.isnan(t)
        values.append(pearson_r(p[known], t[known]))
    return float(np.nanmean(values)) if not np.all(np.isnan(values)) else float("nan")
