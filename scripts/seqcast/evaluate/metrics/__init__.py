"""How good predictions are, one definition each; they are written out in docs/metrics.md.

Every bin counts once, all sums are float64, and what is not known (NaN in the observed) counts
nowhere.
"""

from seqcast.evaluate.metrics.formulas import (
    auprc,
    auroc,
    call_peaks,
    compute_reliability,
    deviance_explained,
    find_above,
    from_parts,
    log1p,
    pearson_r,
    pearson_r_log1p,
    poisson_loss,
    poisson_loss_keras,
    r2_score,
    spearman_r,
    window_pearson_r,
)
from seqcast.evaluate.metrics.sums import CrossTargetMean, Moments, WindowMean
from seqcast.evaluate.metrics.target import DEFINITIONS, Track, evaluate_target

__all__ = [
    "DEFINITIONS",
    "CrossTargetMean",
    "Moments",
    "Track",
    "WindowMean",
    "auprc",
    "auroc",
    "call_peaks",
    "compute_reliability",
    "deviance_explained",
    "evaluate_target",
    "find_above",
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
