"""Replicates tell how much of a track is noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.evaluate.metrics import (
    Track,
    compute_reliability,
    evaluate_target,
    find_above,
    from_parts,
)


def make_parts(share: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a rate, a replicate with a share of the reads, and the sum that holds it."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 4, 60_000)
    part = rng.poisson(share * rate)
    whole = part + rng.poisson((1 - share) * rate)
    return rate, part.astype(np.float32), whole.astype(np.float32)


@given(st.floats(0.001, 1))
def test_equal_halves_are_spearman_and_browns(r: float) -> None:
    assert from_parts(r, 0.5) == pytest.approx(2 * r / (1 + r))


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_parts_of_a_known_reliability_give_it_back(reliability: float, share: float) -> None:
    # True variance R and noise variance 1 - R; a part of share s has s^2 R and s (1 - R).
    s, q = share, 1 - share
    noise = 1 - reliability
    r = (
        s
        * q
        * reliability
        / math.sqrt((s * s * reliability + s * noise) * (q * q * reliability + q * noise))
    )
    assert from_parts(r, share) == pytest.approx(reliability)


def test_ends_of_the_range() -> None:
    assert from_parts(1.0, 0.3) == 1
    assert from_parts(0.0, 0.3) == 0
    assert from_parts(-0.2, 0.3) == 0
    assert math.isnan(from_parts(0.5, 1.0))
    assert math.isnan(from_parts(float("nan"), 0.5))


@pytest.mark.parametrize("share", [0.5, 1 / 3, 0.15])
@pytest.mark.parametrize("log_unit", [None, 1.0, 2.0])
def test_a_replicate_within_the_sum_finds_the_noise(share: float, log_unit: float | None) -> None:
    rate, part, whole = make_parts(share)
    again = np.random.default_rng(9).poisson(rate)
    pair = [x if log_unit is None else np.log1p(x / log_unit) for x in (whole, again)]
    wanted = np.corrcoef(*pair)[0, 1]
    found = compute_reliability(whole, part, included=True, log_unit=log_unit)
    assert found == pytest.approx(wanted, abs=0.015)
    # Held against the sum that holds it, a replicate looks better than it is.
    naive = compute_reliability(whole, part, included=False, log_unit=log_unit)
    assert abs(naive - wanted) > 0.015


def test_a_replicate_of_its_own_is_as_noisy_as_the_track() -> None:
    rate, _, whole = make_parts(0.5)
    again = np.random.default_rng(9).poisson(rate)
    assert compute_reliability(whole, again, included=False) == pytest.approx(
        np.corrcoef(whole, again)[0, 1]
    )


def test_the_ceiling_is_what_the_rate_itself_reaches() -> None:
    rate, part, whole = make_parts(1 / 3)
    track = Track(rate, whole, np.zeros(rate.size, dtype=int), 10, 1.0)
    known = evaluate_target(Track(**vars(track) | {"rate": rate}), peak_fdr=0.01, draws=0)
    replicate = part.copy()
    replicate[:100] = np.nan
    found = evaluate_target(
        Track(**vars(track) | {"replicate": replicate, "included": True}), peak_fdr=0.01, draws=0
    )
    assert found["ceiling_from"] == "replicates"
    for name in ("ceiling_pearson_r", "ceiling_pearson_r_log1p"):
        assert found[name] == pytest.approx(known[name], abs=0.01)
    # A model that knows the rate is at the ceiling.
    assert known["pearson_r"] == pytest.approx(known["ceiling_pearson_r"])


def test_a_replicate_above_its_sum_is_counted() -> None:
    track = np.array([5, 0.1, 3, np.nan, 4], dtype=np.float32)
    replicate = np.array([6, 0.1 + 1e-9, 2, 1, np.nan], dtype=np.float32)
    assert find_above(track, replicate).tolist() == [0]
    found = compute_reliability(track[:3], replicate[:3], included=True)
    share = 8.1 / 9.1
    wanted = np.corrcoef([6, 0.1, 2], [0, 0, 1])[0, 1]
    assert found == pytest.approx(from_parts(wanted, share), abs=1e-6)


def test_a_replicate_that_is_the_whole_tells_nothing() -> None:
    _, part, _ = make_parts(0.5)
    assert math.isnan(compute_reliability(part, part, included=True))
    assert math.isnan(compute_reliability(part, np.zeros_like(part), included=True))
    assert math.isnan(compute_reliability(np.zeros(5), np.zeros(5), included=True))
