"""How rare a score is: among shuffled variants, and among bins of what was held out."""

from collections.abc import Sequence

import numpy as np

from seqcast.data import SPLITS, Dataset
from seqcast.data.predictions import Predictions

# Sums that a quantile is taken of, a target.
_SUMS = 20_000


class Null:
    """The |lfc| of shuffled variants of one kind, (variants, T), by the share of G and C.

    A variant is compared with the half of them that is nearest to it in that.
    """

    def __init__(self, lfc_VT: np.ndarray, gc_V: np.ndarray) -> None:
        order = np.argsort(gc_V, kind="stable")
        self._size_VT, gc_V = np.abs(lfc_VT[order]), gc_V[order]
        self.half = (len(gc_V) + 1) // 2
        # Behind each of these the half begins one later.
        self._edges = (gc_V[: len(gc_V) - self.half] + gc_V[self.half :]) / 2

    def count(self, lfc_AT: np.ndarray, gc_A: np.ndarray) -> np.ndarray:
        """Return of how many each |lfc| is not larger, (alleles, T) int64, from 0 to `half`."""
        first_A = np.searchsorted(self._edges, gc_A)
        found = np.zeros(lfc_AT.shape, dtype=np.int64)
        for first in np.unique(first_A):
            here = first_A == first
            ordered = np.sort(self._size_VT[first : first + self.half], axis=0)
            for target, column in enumerate(ordered.T):
                sizes = np.abs(lfc_AT[here, target])
                found[here, target] = self.half - np.searchsorted(column, sizes)
        return found

    def to_p(self, count: np.ndarray) -> np.ndarray:
        """Return empirical p values of counts: never 0, never above 1."""
        return (1 + count) / (1 + self.half)


def compute_q(p: np.ndarray, tests: np.ndarray) -> np.ndarray:
    """Return q values of p values (P,) that so many tests (P,) have (Benjamini & Hochberg 1995).

    The smallest p x tests / rank of any p as large or larger, at most 1. As
    `scipy.stats.false_discovery_control`, which wants each of millions of tests by itself.
    """
    order = np.argsort(p)
    ranks = np.cumsum(tests[order])
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(ranks > 0, p[order] * tests.sum() / ranks, 1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1)
    return found


class Quantiles:
    """How large a sum of neighbouring bins is among those predicted of test windows."""

    def __init__(self, predictions: Predictions, dataset: Dataset, targets: Sequence[int]) -> None:
        split = dataset.windows["split"][predictions.rows]
        # With folds each window was predicted by the models that it is test for.
        rows = np.flatnonzero((split == SPLITS.index("test")) | (dataset.folds > 1))
        self._rows = rows if len(rows) else np.arange(len(split))
        self._predictions, self._targets = predictions, list(targets)
        self._sums: dict[int, np.ndarray] = {}

    def find(self, sums_AT: np.ndarray, bins_A: np.ndarray) -> np.ndarray:
        """Return the share of sums over as many bins that are at most so large, (alleles, T)."""
        found = np.full(sums_AT.shape, np.nan)
        for bins in np.unique(bins_A):
            here, known_ST = bins_A == bins, self._compute_sums(int(bins))
            for target, column in enumerate(known_ST.T):
                ranks = np.searchsorted(column, sums_AT[here, target], side="right")
                found[here, target] = ranks / max(len(column), 1)
        return found

    def _compute_sums(self, bins: int) -> np.ndarray:
        """Return sums over so many bins in a row, sorted for each target, (sums, T)."""
        if bins not in self._sums:
            starts = max(self._predictions.bins - bins + 1, 1)
            step = max(1, len(self._rows) * starts // _SUMS)
            rows, firsts = np.divmod(np.arange(0, len(self._rows) * starts, step), starts)
            found = np.zeros((len(rows), len(self._targets)))
            for at in np.unique(rows):
                window = self._predictions.read_window(self._rows[at])[:, self._targets]
                ends = np.cumsum(
                    np.concatenate([np.zeros_like(window[:1]), window]), 0, dtype=float
                )
                first = firsts[rows == at]
                found[rows == at] = ends[np.minimum(first + bins, len(window))] - ends[first]
            self._sums[bins] = np.sort(found, axis=0)
        return self._sums[bins]


def compute_spread(each_ATK: np.ndarray) -> np.ndarray:
    """Return the standard deviation (n - 1) over readings, (alleles, T); NaN of one.

    Readings that an allele does not have are NaN.
    """
    count = np.isfinite(each_ATK).sum(axis=-1)
    mean = np.nanmean(each_ATK, axis=-1, keepdims=True) if each_ATK.size else each_ATK[..., :1]
    squares = np.nansum((each_ATK - mean) ** 2, axis=-1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
