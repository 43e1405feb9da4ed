"""Poisson losses by name, and the share of deviance that predictions explain."""

import numpy as np
from scipy.special import xlogy


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
