"""How wrong predictions are along the GC content of a bin, and across a window: the numbers."""

from dataclasses import dataclass

import numpy as np

from seqcast.data import Dataset
from seqcast.evaluate.metrics import log1p
from seqcast.report.figures.groups import LEAST, number_groups
from seqcast.report.figures.pairs import Pairs

_QUANTILES = (0.02, 0.05, *np.arange(1, 10) / 10, 0.95, 0.98)
_MOST_DISTANCES = 16
_BASES_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Profile:
    """How wrong predictions are in groups of bins; (groups,), or (groups, targets).

    `at` is the mean of what bins are grouped by. `error` is the root mean squared error of log1p
    coverage, and `naive` that of predicting each target's mean, both in units of `naive` over all
    bins. `ratio` is predicted over observed coverage, summed. NaN where undefined.
    """

    at: np.ndarray
    count: np.ndarray
    error: np.ndarray
    naive: np.ndarray
    ratio: np.ndarray


def compute_profile(quantity: np.ndarray, group: np.ndarray, pairs: Pairs) -> Profile:
    """Summarise the errors of groups of bins.

    `quantity` (bins,) is what they are grouped by, `group` (bins,) the number of each bin's group
    from 0 on, or -1 where it has none.
    """
    used = group >= 0
    group, groups = group[used], int(group.max(initial=-1)) + 1
    numbers = np.full((3, groups, len(pairs.targets)), np.nan)
    for column in range(len(pairs.targets)):
        observed, predicted = (a[used, column] for a in (pairs.observed, pairs.predicted))
        known = np.isfinite(observed) & np.isfinite(predicted)
        if known.any() and np.ptp(observed[known]) > 0:
            x, y = observed[known].astype(float), predicted[known].astype(float)
            numbers[:, :, column] = _measure(x, y, pairs.mean[column], group[known], groups)
    at, count = _average(quantity[used], group, groups), np.bincount(group, minlength=groups)
    return Profile(at, count, *numbers)


def _measure(
    observed: np.ndarray, predicted: np.ndarray, mean: float, group: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return error, error of the mean, and ratio of sums of a target, (groups,) each."""
    x, y = log1p(observed, mean), log1p(predicted, mean)
    error = np.sqrt(_average((y - x) ** 2, group, groups)) / x.std()
    naive = np.sqrt(_average((x - x.mean()) ** 2, group, groups)) / x.std()
    total = np.bincount(group, observed, groups)
    ratio = np.bincount(group, predicted, groups)
    return error, naive, np.divide(ratio, total, out=np.full(groups, np.nan), where=total > 0)


def _average(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    count = np.bincount(group, minlength=groups)
    total = np.bincount(group, values, groups)
    return np.divide(total, count, out=np.full(groups, np.nan), where=count > 0)


def compute_gc_profile(dataset: Dataset, pairs: Pairs) -> Profile:
    """Summarise errors along the GC content of the bins, in percent, by its quantiles."""
    gc = 100 * compute_gc(dataset, pairs.bins)
    group = np.full(gc.shape, -1)
    known = np.isfinite(gc)
    group[known] = number_groups(gc[known], _QUANTILES)
    return compute_profile(gc, group, pairs)


def compute_distance_profile(pairs: Pairs) -> Profile:
    """Summarise errors along the distance from the window's centre, in bases.

    `pairs` are as windows predict them. At most 16 groups of equal width, of 20 bins at least.
    """
    distance = pairs.distance
    groups = max(1, min(_MOST_DISTANCES, np.unique(distance).size, distance.size // LEAST))
    width = distance.max(initial=0) * (1 + 1e-9) / groups
    return compute_profile(distance, (distance / max(width, 1e-9)).astype(np.int64), pairs)


def compute_gc(dataset: Dataset, bins: np.ndarray) -> np.ndarray:
    """Return the share of G and C in bins, (bins,); NaN where half of the bases or more are N."""
    contigs, size = dataset.contigs, dataset.bin_size
    contig = np.searchsorted(contigs.first_bin, bins, side="right") - 1
    first = contigs.first_base[contig] + (bins - contigs.first_bin[contig]) * size
    end = np.minimum(first + size, (contigs.first_base + contigs.length)[contig])
    share = np.empty(len(bins))
    block = max(1, _BASES_AT_ONCE // size)
    for start in range(0, len(bins), block):
        part = slice(start, start + block)
        share[part] = _share_gc(dataset.codes, first[part], end[part], size)
    return share


def _share_gc(sequence: np.ndarray, first: np.ndarray, end: np.ndarray, size: int) -> np.ndarray:
    base = first[:, None] + np.arange(size)
    inside = base < end[:, None]
    codes = sequence[np.where(inside, base, first[:, None])]
    known = ((codes < 4) & inside).sum(axis=1)
    gc = (((codes == 1) | (codes == 2)) & inside).sum(axis=1)
    return np.divide(gc, known, out=np.full(len(first), np.nan), where=2 * known > end - first)
