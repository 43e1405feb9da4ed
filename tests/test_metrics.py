"""Metrics are those of scipy and scikit-learn, on what is known."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance
from sklearn.metrics import r2_score as sklearn_r2

from seqcast.evaluate import metrics
from seqcast.evaluate.metrics import DEFINITIONS, Track, evaluate_target, window_pearson_r

BLOCK = 25


def make_pair(size: int = 500, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Make predicted and observed values, (size,) each; the observed have ties and zeros."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 4, size)
    return rate * rng.gamma(5, 0.2, size) + 1e-3, rng.poisson(rate).astype(np.float32)


def evaluate(p: np.ndarray, t: np.ndarray, train_mean: float = 3.0, **more: Any) -> dict[str, Any]:
    track = Track(p, t, np.arange(p.size) // BLOCK, BLOCK, train_mean, **more)
    return evaluate_target(track, peak_fdr=0.01, draws=50)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_others(seed: int) -> None:
    p, t = make_pair(seed=seed)
    log_p, log_t = np.log1p(p / 3.0), np.log1p(t / 3.0)
    clipped = np.minimum(t, 4)
    means = [x.reshape(-1, BLOCK).mean(axis=1) for x in (p, t, log_p, log_t)]
    shapes = [x - np.repeat(m, BLOCK) for x, m in zip((p, t, log_p, log_t), means, strict=True)]
    wanted = {
        "pearson_r": np.corrcoef(p, t)[0, 1],
        "pearson_r_log1p": np.corrcoef(log_p, log_t)[0, 1],
        "clipped_pearson_r": np.corrcoef(p, clipped)[0, 1],
        "clipped_pearson_r_log1p": np.corrcoef(log_p, np.log1p(clipped / 3.0))[0, 1],
        "pearson_r_log1p_as_read": np.corrcoef(np.log1p(p), np.log1p(t))[0, 1],
        "spearman_r": np.corrcoef(stats.rankdata(p), stats.rankdata(t))[0, 1],
        "r2": sklearn_r2(t, p),
        "deviance_explained": 1
        - mean_poisson_deviance(t, p) / mean_poisson_deviance(t, np.full_like(p, 3.0)),
        "poisson_loss": mean_poisson_deviance(t, p) / 2,
        "poisson_loss_keras": np.mean(p - t * np.log(p)),
        "baseline_poisson_loss": mean_poisson_deviance(t, np.full_like(p, 3.0)) / 2,
        "baseline_poisson_loss_keras": np.mean(3.0 - t * np.log(3.0)),
        "across_pearson_r": np.corrcoef(*means[:2])[0, 1],
        "across_pearson_r_log1p": np.corrcoef(*means[2:])[0, 1],
        "within_pearson_r": np.corrcoef(*shapes[:2])[0, 1],
        "within_pearson_r_log1p": np.corrcoef(*shapes[2:])[0, 1],
        "mean_observed": t.mean(),
        "mean_predicted": p.mean(),
        "ratio_of_sums": p.sum() / t.sum(),
        "bins": 500,
        "blocks": 20,
    }
    found = evaluate(p, t, clipped=clipped)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_deviance_explained_is_scikit_learns_where_the_means_agree() -> None:
    p, t = make_pair()
    found = evaluate(p, t, train_mean=float(t.mean(dtype=np.float64)))
    assert found["deviance_explained"] == pytest.approx(d2_tweedie_score(t, p, power=1))
    assert math.isnan(evaluate(p, t, train_mean=0.0)["deviance_explained"])


def test_every_column_is_defined_and_documented() -> None:
    others = {"target", "specific_pearson_r", "control_pearson_r", "control_pearson_r_log1p"}
    assert set(evaluate(*make_pair())) | others == set(DEFINITIONS)
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
    assert [name for name in DEFINITIONS if f"`{name}`" not in page] == []


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
    assert metrics.pearson_r_log1p(p, t, 1.0) == pytest.approx(0.5)
    assert metrics.spearman_r(p, t) == pytest.approx(0.5)
    assert metrics.deviance_explained(0.25, 1.0) == 0.75


def test_the_truth_is_perfect() -> None:
    _, t = make_pair()
    found = evaluate(t.astype(np.float64), t, float(t.mean()), rate=t, clipped=t)
    ones = [name for name in found if "_r" in name or name in ("r2", "deviance_explained")]
    for name in [*ones, "peak_auroc", "peak_auprc", "ratio_of_sums"]:
        assert found[name] == pytest.approx(1), name
    assert len(ones) == 18
    assert found["poisson_loss"] == pytest.approx(0, abs=1e-12)


@given(st.lists(st.booleans(), min_size=60, max_size=60))
def test_what_is_unknown_counts_nowhere(masked: list[bool]) -> None:
    p, t = make_pair(60)
    known = ~np.array(masked)
    block = np.arange(60) // 6
    hidden = np.where(known, t, np.float32(np.nan))
    options: dict[str, Any] = {"peak_fdr": 0.1, "draws": 10}
    found = Track(p, hidden, block, 6, 2.0, clipped=hidden, rate=p + 1)
    wanted = Track(p[known], t[known], block[known], 6, 2.0, clipped=t[known], rate=p[known] + 1)
    row = evaluate_target(found, **options)
    assert repr(row) == repr(evaluate_target(wanted, **options))
    assert row["bins"] == known.sum()


@pytest.mark.parametrize("constant", ["predicted", "observed"])
def test_constants_have_no_correlation(constant: str) -> None:
    p, t = make_pair()
    (p if constant == "predicted" else t)[:] = 0.1
    found = evaluate(p, t)
    none = [name for name in found if "pearson_r" in name or name == "spearman_r"]
    assert [name for name in none if not math.isnan(found[name])] == []
    assert math.isnan(found["r2"]) == (constant == "observed")
    assert math.isfinite(found["poisson_loss"])


def test_nothing_known_is_no_number() -> None:
    found = evaluate(np.ones(3), np.full(3, np.nan), replicate=np.ones(3), clipped=np.ones(3))
    counts = {"bins": 0, "blocks": 0, "peaks": 0, "ceiling_from": ""}
    assert {name: found.pop(name) for name in counts} == counts
    assert [name for name, value in found.items() if not math.isnan(value)] == []


def test_the_ceiling_is_the_truths_own_r() -> None:
    p, t = make_pair()
    rate = np.random.default_rng(5).gamma(1, 1, 500)
    # What is known without noise goes before a replicate.
    found = evaluate(p, t, rate=rate, replicate=t)
    assert found["ceiling_pearson_r"] == pytest.approx(np.corrcoef(rate, t)[0, 1])
    wanted = np.corrcoef(np.log1p(rate / 3.0), np.log1p(t / 3.0))[0, 1]
    assert found["ceiling_pearson_r_log1p"] == pytest.approx(wanted)
    assert found["ceiling_from"] == "rate"
    none = evaluate(p, t)
    assert math.isnan(none["ceiling_pearson_r"])
    assert none["ceiling_from"] == ""


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_pearson_ignores_scale_and_offset(scale: float, offset: float) -> None:
    p, t = make_pair(100)
    assert metrics.pearson_r(scale * p + offset, t) == pytest.approx(metrics.pearson_r(p, t))
    assert metrics.pearson_r(-p, t) == pytest.approx(-metrics.pearson_r(p, t))


def test_a_window_is_the_mean_over_its_targets() -> None:
    p, t = (each.reshape(5, 100) for each in make_pair())
    t[1] = 0
    t[2, :50] = np.nan
    t[3] = np.nan
    wanted = [np.corrcoef(p[k], t[k])[0, 1] for k in (0, 4)]
    wanted.append(np.corrcoef(p[2, 50:], t[2, 50:])[0, 1])
    assert window_pearson_r(p, t)[[0, 4, 2]] == pytest.approx(wanted)
    assert np.isnan(window_pearson_r(p, t)[[1, 3]]).all()
    assert np.isnan(window_pearson_r(p[:, :1], t[:, :1])).all()
    mean = metrics.WindowMean(2)
    assert np.isnan(mean.pearson_r).all()
    for k in range(5):
        # In the second window no target varies.
        mean.add(np.stack([p[k], p[k]]), np.stack([t[k], t[1]]))
    assert mean.pearson_r == pytest.approx([np.mean(wanted), np.nan], nan_ok=True)
