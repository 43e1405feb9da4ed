"""Peaks keep their false discovery rate; areas are those of scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from seqcast.evaluate.metrics import auprc, auroc, call_peaks


def test_peaks_are_those_of_the_step_up_procedure() -> None:
    rng = np.random.default_rng(1)
    observed = np.concatenate([rng.poisson(3, 900), rng.poisson(12, 100)]).astype(np.float32)
    p = 1 - stats.poisson.cdf(observed - 1, observed.mean(dtype=np.float64))
    # Benjamini and Hochberg: the largest k with p(k) <= k / n * q.
    ordered = np.sort(p)
    below = np.flatnonzero(ordered < np.arange(1, 1001) / 1000 * 0.01)
    wanted = p <= ordered[below[-1]]
    found = call_peaks(observed, 0.01)
    np.testing.assert_array_equal(found, wanted)
    assert 0 < found.sum() < 100


def test_noise_alone_has_hardly_any_peaks() -> None:
    observed = np.random.default_rng(2).poisson(5, 20_000).astype(np.float32)
    assert call_peaks(observed, 0.01).sum() <= 2


def test_coverage_is_rounded_to_counts() -> None:
    observed = np.zeros(1000, dtype=np.float32)
    observed[:3] = 0.4, 20.4, 30
    assert np.flatnonzero(call_peaks(observed, 0.01)).tolist() == [1, 2]
    observed[1:3] = 20, 30
    assert call_peaks(observed, 0.01)[:3].tolist() == [False, True, True]


@pytest.mark.parametrize("observed", [np.zeros(0), np.zeros(50), np.full(50, 7.0)])
def test_flat_tracks_have_no_peaks(observed: np.ndarray) -> None:
    assert not call_peaks(observed, 0.01).any()


@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60),
)
def test_areas_are_those_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    score = np.array([score for score, _ in rows], dtype=float)
    positive = np.array([positive for _, positive in rows])
    if positive.all() or not positive.any():
        assert math.isnan(auroc(score, positive))
        assert math.isnan(auprc(score, positive))
    else:
        assert auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))
        assert auprc(score, positive) == pytest.approx(average_precision_score(positive, score))


def test_chance_is_a_half_and_the_share_of_peaks() -> None:
    rng = np.random.default_rng(3)
    positive = rng.random(50_000) < 0.2
    score = rng.random(50_000)
    assert auroc(score, positive) == pytest.approx(0.5, abs=0.01)
    assert auprc(score, positive) == pytest.approx(positive.mean(), abs=0.01)
