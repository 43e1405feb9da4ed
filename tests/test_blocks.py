"""Levels, shapes and intervals follow from sums over blocks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.evaluate.metrics import Moments, pearson_r

VALUES = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 6)), min_size=1, max_size=80
)


def make_blocks(blocks: int = 40, size: int = 30, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Make two tracks that share their level in a block, and the block of each bin."""
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(0, 1, blocks), size)
    x, y = (level + rng.normal(0, 1, level.size) for _ in range(2))
    return x, y, np.repeat(np.arange(blocks), size)


@given(VALUES, st.floats(-1e6, 1e6))
def test_sums_tell_the_same_r(rows: list[tuple[int, int, int]], offset: float) -> None:
    x, y, block = np.array(rows).T
    moments = Moments.from_values(x + offset, y.astype(float), block)
    wanted = pearson_r(x.astype(float), y.astype(float))
    assert moments.pearson_r() == pytest.approx(wanted, abs=1e-6, nan_ok=True)
    assert len(moments) == len(set(block.tolist()))


@given(VALUES)
def test_level_and_shape_make_up_the_whole(rows: list[tuple[int, int, int]]) -> None:
    x, y, block = np.array(rows, dtype=float).T
    kinds, place = np.unique(block, return_inverse=True)
    mean_x, mean_y = (
        np.array([values[block == kind].mean() for kind in kinds]) for values in (x, y)
    )
    moments = Moments.from_values(x, y, block.astype(int))
    assert moments.across(1) == pytest.approx(pearson_r(mean_x, mean_y), abs=1e-6, nan_ok=True)
    inside = [np.round(v - m[place], 9) for v, m in ((x, mean_x), (y, mean_y))]
    assert moments.within() == pytest.approx(pearson_r(*inside), abs=1e-6, nan_ok=True)


def test_levels_and_shapes_are_apart() -> None:
    x, _, block = make_blocks()
    level = np.repeat(x.reshape(40, 30).mean(axis=1), 30)
    noise = np.random.default_rng(3).normal(0, 1, x.size)
    known_level = Moments.from_values(level + noise, x, block)
    assert known_level.across(1) > 0.95
    assert abs(known_level.within()) < 0.1
    known_shape = Moments.from_values(x - level, x, block)
    assert known_shape.within() == pytest.approx(1)
    assert math.isnan(Moments.from_values(level, x, block).within())


def test_blocks_that_are_hardly_known_have_no_level() -> None:
    x, y, block = make_blocks(6)
    keep = np.ones(x.size, dtype=bool)
    keep[15:30] = False  # 15 of 30 bins left
    keep[31:60] = False  # 1 of 30 bins left
    moments = Moments.from_values(x[keep], y[keep], block[keep])
    means = [np.array([v[keep & (block == b)].mean() for b in (0, 2, 3, 4, 5)]) for v in (x, y)]
    assert moments.across(15) == pytest.approx(pearson_r(*means))


def test_the_interval_is_that_of_redrawn_blocks() -> None:
    x, y, block = make_blocks(10)
    moments = Moments.from_values(x, y, block)
    times = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), size=200)
    drawn = []
    for count in times:
        bins = np.concatenate([np.flatnonzero(block == b) for b in np.repeat(range(10), count)])
        drawn.append(np.corrcoef(x[bins], y[bins])[0, 1])
    assert moments.interval(200) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_the_interval_is_a_function_of_its_seed() -> None:
    moments = Moments.from_values(*make_blocks())
    assert moments.interval(300) == moments.interval(300)
    assert moments.interval(300) != moments.interval(300, seed=1)


def test_the_interval_is_wider_than_that_of_single_bins() -> None:
    # Bins of a block share their level: they say less than as many independent ones.
    x, y, block = make_blocks()
    low, high = Moments.from_values(x, y, block).interval(500)
    alone = Moments.from_values(x, y, np.arange(x.size)).interval(500)
    assert low < pearson_r(x, y) < high
    assert high - low > 1.5 * (alone[1] - alone[0])


def test_the_interval_covers_the_truth() -> None:
    # Level and noise have the same variance in both tracks: r is 0.5.
    found = [Moments.from_values(*make_blocks(60, 20, seed)).interval(200) for seed in range(60)]
    covered = sum(low < 0.5 < high for low, high in found)
    assert 50 <= covered < 60


def test_few_blocks_or_no_draws_give_no_interval() -> None:
    moments = Moments.from_values(*make_blocks(4))
    assert all(math.isnan(end) for end in moments.interval(100))
    assert all(math.isnan(end) for end in Moments.from_values(*make_blocks()).interval(0))
    constant = Moments.from_values(np.ones(300), make_blocks(10)[1], make_blocks(10)[2])
    assert all(math.isnan(end) for end in constant.interval(100))
