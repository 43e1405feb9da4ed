"""How good predictions are, one definition each; they are written out in docs/metrics.md.

Every bin counts once, all sums are float64, and what is not known (NaN in the observed) counts
nowhere.
"""

from seqcast.metrics.blocks import Moments
from seqcast.metrics.correlations import (
    log1p,
    pearson_r,
    pearson_r_log1p,
    r2_score,
    spearman_r,
    window_pearson_r,
)
from seqcast.metrics.definitions import DEFINITIONS
from seqcast.metrics.losses import deviance_explained, poisson_loss, poisson_loss_keras
from seqcast.metrics.peaks import auprc, auroc, find_peaks
from seqcast.metrics.reliability import find_above, find_reliability, from_parts
from seqcast.metrics.specific import CrossTargetMean
from seqcast.metrics.target import Track, evaluate_target

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
