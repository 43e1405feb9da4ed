"""Metrics are those of scipy and scikit-learn, on what is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_poisson_deviance
from sklearn.metrics import r2_score as sklearn_r2

from seqcast import metrics
from seqcast.metrics import evaluate_target, window_pearson_r


def make_pair(size: int = 500, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Make predicted and observed values, (size,) each; the observed have ties and zeros."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 4, size)
    return rate * rng.gamma(5, 0.2, size) + 1e-3, rng.poisson(rate).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_others(seed: int) -> None:
    p, t = make_pair(seed=seed)
    wanted = {
        "pearson_r": np.corrcoef(p, t)[0, 1],
        "pearson_r_log1p": np.corrcoef(np.log1p(p), np.log1p(t))[0, 1],
        "spearman_r": np.corrcoef(stats.rankdata(p), stats.rankdata(t))[0, 1],
        "r2": sklearn_r2(t, p),
        "poisson_loss": mean_poisson_deviance(t, p) / 2,
        "poisson_loss_keras": np.mean(p - t * np.log(p)),
        "baseline_poisson_loss": mean_poisson_deviance(t, np.full_like(p, 3.0)) / 2,
        "baseline_poisson_loss_keras": np.mean(3.0 - t * np.log(3.0)),
        "mean_observed": t.mean(),
        "mean_predicted": p.mean(),
        "bins": 500,
    }
    found = evaluate_target("a", p, t, train_mean=3.0)
    assert found.target == "a"
    for name, value in wanted.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6), name


def test_float32_is_summed_as_float64() -> None:
    p, t = make_pair(200_000)
    found = metrics.poisson_loss(p.astype(np.float32), t)
    wanted = mean_poisson_deviance(t, p.astype(np.float32).astype(np.float64)) / 2
    assert found == pytest.approx(wanted, rel=1e-10)


def test_golden_numbers() -> None:
    p, t = np.array([1.0, 2.0, 1.0]), np.array([0.0, 2.0, 2.0])
    assert metrics.poisson_loss(p, t) == pytest.approx((1 + 0 + 2 * math.log(2) - 1) / 3)
    assert metrics.poisson_loss_keras(p, t) == pytest.approx((4 - 2 * math.log(2)) / 3)
    assert metrics.r2_score(p, t) == pytest.approx(1 - 2 / (8 / 3))
    assert metrics.pearson_r(p, t) == pytest.approx(0.5)
    assert metrics.spearman_r(p, t) == pytest.approx(0.5)


def test_the_truth_is_perfect() -> None:
    _, t = make_pair()
    found = evaluate_target("a", t.astype(np.float64), t, train_mean=float(t.mean()), rate=t)
    for name in ("pearson_r", "pearson_r_log1p", "spearman_r", "r2", "ceiling_pearson_r"):
        assert getattr(found, name) == pytest.approx(1)
    assert found.poisson_loss == pytest.approx(0, abs=1e-12)


@given(st.lists(st.booleans(), min_size=60, max_size=60))
def test_what_is_unknown_counts_nowhere(masked: list[bool]) -> None:
    p, t = make_pair(60)
    known = ~np.array(masked)
    hidden = np.where(known, t, np.float32(np.nan))
    found = evaluate_target("a", p, hidden, train_mean=2.0, rate=p + 1)
    wanted = evaluate_target("a", p[known], t[known], train_mean=2.0, rate=p[known] + 1)
    assert repr(found) == repr(wanted)
    assert found.bins == known.sum()


@pytest.mark.parametrize("constant", ["predicted", "observed"])
def test_constants_have_no_correlation(constant: str) -> None:
    p, t = make_pair()
    (p if constant == "predicted" else t)[:] = 2
    found = evaluate_target("a", p, t, train_mean=1.0)
    assert math.isnan(found.pearson_r)
    assert math.isnan(found.pearson_r_log1p)
    assert math.isnan(found.spearman_r)
    assert math.isnan(found.r2) == (constant == "observed")
    assert math.isfinite(found.poisson_loss)


def test_nothing_known_is_no_number() -> None:
    found = evaluate_target("a", np.ones(3), np.full(3, np.nan), train_mean=1.0)
    numbers = [value for value in vars(found).values() if isinstance(value, float)]
    assert len(numbers) == 12
    assert all(math.isnan(value) for value in numbers)
    assert found.bins == 0


def test_the_ceiling_is_the_truths_own_r() -> None:
    p, t = make_pair()
    rate = np.random.default_rng(5).gamma(1, 1, 500)
    found = evaluate_target("a", p, t, train_mean=1.0, rate=rate)
    assert found.ceiling_pearson_r == pytest.approx(np.corrcoef(rate, t)[0, 1])
    wanted = np.corrcoef(np.log1p(rate), np.log1p(t))[0, 1]
    assert found.ceiling_pearson_r_log1p == pytest.approx(wanted)
    assert math.isnan(evaluate_target("a", p, t, train_mean=1.0).ceiling_pearson_r)


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_pearson_ignores_scale_and_offset(scale: float, offset: float) -> None:
    p, t = make_pair(100)
    assert metrics.pearson_r(scale * p + offset, t) == pytest.approx(metrics.pearson_r(p, t))
    assert metrics.pearson_r(-p, t) == pytest.approx(-metrics.pearson_r(p, t))


def test_a_window_is_the_mean_over_its_targets() -> None:
    p, t = (each.reshape(100, 5) for each in make_pair())
    t[:, 1] = 0
    t[:50, 2] = np.nan
    t[:, 3] = np.nan
    wanted = [np.corrcoef(p[:, k], t[:, k])[0, 1] for k in (0, 4)]
    wanted.append(np.corrcoef(p[50:, 2], t[50:, 2])[0, 1])
    assert window_pearson_r(p, t) == pytest.approx(np.mean(wanted))
    assert math.isnan(window_pearson_r(p[:, 1:2], t[:, 1:2]))
