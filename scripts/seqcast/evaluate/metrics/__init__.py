"""How good predictions are, one definition each; they are written out in docs/metrics.md.

Every bin counts once, all sums are float64, and what is not known (NaN in the observed) counts
nowhere.
"""

from seqcast.evaluate.metrics.blocks import Moments
from seqcast.evaluate.metrics.correlations import (
    log1p,
    pearson_r,
    pearson_r_log1p,
    r2_score,
    spearman_r,
    window_pearson_r,
)
from seqcast.evaluate.metrics.definitions import DEFINITIONS
from seqcast.evaluate.metrics.losses import deviance_explained, poisson_loss, poisson_loss_keras
from seqcast.evaluate.metrics.peaks import auprc, auroc, find_peaks
from seqcast.evaluate.metrics.reliability import find_above, find_reliability, from_parts
from seqcast.evaluate.metrics.specific import CrossTargetMean
from seqcast.evaluate.metrics.target import Track, evaluate_target

__all__ = [
    "DEFINITIONS",
    "CrossTargetMean",
    "Moments",
    "Track",
    "auprc",
    "auroc",
    "deviance_explained",
    "evaluate_target",
    "find_above",
    "find_peaks",
    "find_reliability",
    "from_parts",
    "log1p",
    "pearson_r",
    "pearson_r_log1p",
    "poisson_loss",
    "poisson_loss_keras",
    "r2_score",
    "spearman_r",
    "window_pearson_r",
]
