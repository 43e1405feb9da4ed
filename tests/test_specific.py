"""What is specific to a target is told from what all share."""

import math

import numpy as np
import pytest

from seqcast.evaluate.metrics import CrossTargetMean, pearson_r


def make_targets(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make the coverage of four targets, what they share and what each has for itself."""
    rng = np.random.default_rng(seed)
    shared = rng.gamma(1, 2, 3000)
    own = rng.gamma(1, 2, (4, 3000))
    depth = np.array([[1], [10], [100], [3]])
    return (shared + own) * depth, shared, own


def find_specific(predicted: np.ndarray, observed: np.ndarray) -> list[float]:
    mean = CrossTargetMean(observed.shape[1])
    for p, t in zip(predicted, observed, strict=True):
        mean.add(p, t)
    return [mean.specific_pearson_r(p, t) for p, t in zip(predicted, observed, strict=True)]


def test_it_is_the_r_of_residuals() -> None:
    observed, shared, own = make_targets()
    predicted = shared + own + np.random.default_rng(2).gamma(1, 2, own.shape)
    scaled = [np.log1p(x / x.mean(axis=1, keepdims=True)) for x in (predicted, observed)]
    p, t = (x - x.mean(axis=0) for x in scaled)
    wanted = [np.corrcoef(p[k], t[k])[0, 1] for k in range(4)]
    assert find_specific(predicted, observed) == pytest.approx(wanted)


def test_what_all_share_is_not_specific() -> None:
    observed, shared, own = make_targets()
    rng = np.random.default_rng(2)
    predicted = shared + 0.1 * rng.gamma(1, 2, own.shape)
    assert all(pearson_r(p, t) > 0.5 for p, t in zip(predicted, observed, strict=True))
    assert max(np.abs(find_specific(predicted, observed))) < 0.1
    assert min(find_specific(observed * 7, observed)) == pytest.approx(1)


def test_depth_does_not_matter() -> None:
    observed, shared, own = make_targets()
    predicted = shared + own**2
    wanted = find_specific(predicted, observed)
    depth = np.array([[5], [0.1], [1], [1000]])
    assert find_specific(predicted * depth, observed / depth) == pytest.approx(wanted)


def test_bins_count_where_two_targets_know_them() -> None:
    observed, _, _ = make_targets()
    predicted = observed + 1 + np.random.default_rng(2).gamma(1, 2, observed.shape)
    observed[:, 1000:1100] = np.nan
    observed[1:, 1100:1200] = np.nan
    observed[2, 1200:1300] = np.nan
    scaled = [
        np.log1p(x / np.nanmean(x, axis=1, keepdims=True))
        for x in (np.where(np.isnan(observed), np.nan, predicted), observed)
    ]
    use = (~np.isnan(observed)).sum(axis=0) > 1
    p, t = (x[:, use] - np.nanmean(x[:, use], axis=0) for x in scaled)
    known = ~np.isnan(t[2])
    wanted = np.corrcoef(p[2][known], t[2][known])[0, 1]
    assert find_specific(predicted, observed)[2] == pytest.approx(wanted)


def test_a_target_alone_or_empty_has_nothing_specific() -> None:
    observed, _, _ = make_targets()
    assert math.isnan(find_specific(observed[:1], observed[:1])[0])
    observed[0] = 0
    found = find_specific(observed + 1, observed)
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx(find_specific(observed[1:] + 1, observed[1:]))


def test_targets_that_are_the_same_have_nothing_specific() -> None:
    observed, _, _ = make_targets()
    same = np.repeat(observed[:1], 3, axis=0)
    assert all(math.isnan(r) for r in find_specific(same * 2, same))
