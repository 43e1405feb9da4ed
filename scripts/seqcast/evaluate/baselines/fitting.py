"""Fit a baseline to a dataset: once, or once a fold."""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, Dataset, read_dataset
from seqcast.evaluate.baselines.ridge import Moments, Ridge, fit_ridge

MOST_BINS = 200_000
"""Bins of a split (a part of folds) that are used at most; more change little and cost time."""
# Bins whose features are in memory at once; where not all bins are used, they are chosen by pieces.
_PIECE = 512
# Targets are fitted together, to the bins that all of them know, unless that costs one too many.
_LEAST_SHARED = 0.5

MakeFeatures = Callable[[np.ndarray, int, int, int], np.ndarray]


def fit_dataset(path: Path, make_features: MakeFeatures, title: str) -> list[Ridge]:
    """Fit a regression of all targets, in units of their means, for each fold of a dataset."""
    folds = [read_dataset(path, fold) for fold in range(read_dataset(path).folds)]
    dataset = folds[0]
    # Windows that are in the same split in every fold belong to one part of the genome.
    splits_FP, part_of = np.unique(
        [fold.windows["split"] for fold in folds], axis=1, return_inverse=True
    )
    pieces = [
        _choose_pieces(_find_pieces(dataset, np.flatnonzero(part_of == part)))
        for part in range(splits_FP.shape[1])
    ]
    groups = _group_targets(dataset, [piece for part in pieces for piece in part])
    ridges_GF = []
    total = len(groups) * sum(len(piece) for part in pieces for piece in part)
    with progress(total, title, "bins") as bar:
        for targets in groups:
            moments = [
                _sum_pieces(dataset, part, make_features, targets, bar.update) for part in pieces
            ]
            ridges_GF.append([_fit(moments, splits, path) for splits in splits_FP])
    return [_join(ridges) for ridges in zip(*ridges_GF, strict=True)]


def make_window_features(
    dataset: Dataset, bins: np.ndarray, make_features: MakeFeatures
) -> np.ndarray:
    """Return the features of neighbouring bins of one contig, (bins, features) float32."""
    contigs = dataset.contigs
    contig = int(np.searchsorted(contigs.first_bin, bins[0], side="right")) - 1
    first_base = contigs.first_base[contig]
    codes = np.asarray(dataset.codes[first_base : first_base + contigs.length[contig]])
    first = int(bins[0] - contigs.first_bin[contig])
    return make_features(codes, dataset.bin_size, first, len(bins))


def _find_pieces(dataset: Dataset, rows: np.ndarray) -> list[np.ndarray]:
    """Cut the bins that windows predict into runs of neighbours on one contig."""
    first = dataset.first_bin_of(rows)
    bins = np.unique(first[:, None] + np.arange(dataset.output_bins))
    contig = np.searchsorted(dataset.contigs.first_bin, bins, side="right")
    cuts = (np.diff(bins) != 1) | (np.diff(contig) != 0) | (bins[1:] % _PIECE == 0)
    return np.split(bins, np.flatnonzero(cuts) + 1)


def _choose_pieces(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Keep pieces drawn at random from a fixed seed, up to the largest number of bins to fit on."""
    order = np.random.default_rng(0).permutation(len(pieces))
    until = np.cumsum([len(pieces[index]) for index in order])
    kept = max(1, int(np.searchsorted(until, MOST_BINS, side="right")))
    return [pieces[index] for index in np.sort(order[:kept])]


def _group_targets(dataset: Dataset, pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Return which targets are fitted together: all of them, or each by itself."""
    own, shared = np.zeros(len(dataset.targets)), 0
    for piece in pieces:
        known = ~np.isnan(dataset.read_bins(piece))
        own += known.sum(axis=0)
        shared += known.all(axis=1).sum()
    everything = np.arange(len(dataset.targets))
    if shared >= _LEAST_SHARED * own.max():
        return [everything]
    log.info("targets know different bins: each is fitted by itself")
    return np.split(everything, everything[1:])


def _sum_pieces(
    dataset: Dataset,
    pieces: list[np.ndarray],
    make_features: MakeFeatures,
    targets: np.ndarray,
    update: Callable[[int], object],
) -> Moments:
    def each() -> Iterator[Moments]:
        """Yield the moments of each piece."""
        for piece in pieces:
            coverage = dataset.read_bins(piece)[:, targets] / dataset.targets.mean_T[targets]
            known = ~np.isnan(coverage).any(axis=1)
            features = make_window_features(dataset, piece, make_features)
            yield Moments.from_bins(features[known], coverage[known])
            update(len(piece))

    return reduce(add, each())


def _fit(moments: list[Moments], splits: np.ndarray, path: Path) -> Ridge:
    """Fit to the parts that are train and valid in a fold."""
    sums = []
    for split in ("train", "valid"):
        parts = np.flatnonzero(splits == SPLITS.index(split))
        if not parts.size:
            raise SeqcastError(
                f"{path}: has no {split} windows, wanted some to fit a baseline to; change the"
                " split of the dataset, or set evaluate.baselines: []"
            )
        sums.append(reduce(add, [moments[part] for part in parts]))
    return fit_ridge(*sums)


def _join(ridges: tuple[Ridge, ...]) -> Ridge:
    """Put regressions of some targets each together to one of all."""
    fields = zip(*(vars(ridge).values() for ridge in ridges), strict=True)
    return Ridge(*(np.concatenate(each, axis=-1) for each in fields))
