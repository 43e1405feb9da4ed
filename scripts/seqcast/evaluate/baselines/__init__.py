"""Simple predictors to hold a model against: GC content, and ridge regression on k-mers.

The recipe is written out in docs/baselines.md.
"""

from seqcast.evaluate.baselines.features import KMER_FEATURES, make_gc_features, make_kmer_features
from seqcast.evaluate.baselines.fitting import MOST_BINS
from seqcast.evaluate.baselines.ridge import STRENGTHS, Moments, Ridge, fit_ridge
from seqcast.evaluate.baselines.writing import write_baseline

__all__ = [
    "KMER_FEATURES",
    "MOST_BINS",
    "STRENGTHS",
    "Moments",
    "Ridge",
    "fit_ridge",
    "make_gc_features",
    "make_kmer_features",
    "write_baseline",
]
