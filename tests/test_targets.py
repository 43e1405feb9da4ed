"""The table of targets, and the names of their files."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TARGETS

from seqcast.data.targets import Targets, unique_slugs

# Few letters, so that labels meet often.
labels = st.lists(st.text("aA1-+ _:/.é\0x", max_size=6), max_size=12)


@given(labels)
def test_slugs_are_unique_whatever_the_file_system(names: list[str]) -> None:
    slugs = unique_slugs(names)
    assert len(slugs) == len(names)
    assert len({slug.lower() for slug in slugs}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", slug) for slug in slugs)


@given(st.lists(st.text(max_size=300), max_size=3))
def test_slugs_are_short_enough_for_a_file(names: list[str]) -> None:
    assert all(0 < len(slug) < 100 for slug in unique_slugs(names))


@given(labels)
def test_slugs_are_a_function_of_the_labels(names: list[str]) -> None:
    assert unique_slugs(names) == unique_slugs(list(names))


def test_slugs_by_hand() -> None:
    names = ["CAGE-like:wt +", "CAGE-like:wt -", "DNase/K562", "dnase K562", "..", "a", "b-"]
    assert unique_slugs(names) == (
        "CAGE-like-wt-plus",
        "CAGE-like-wt-minus",
        "DNase-K562-2",
        "dnase-K562-3",
        "target",
        "a",
        "b-minus",
    )
    assert unique_slugs(["a", "a", "a-1", "A-0"]) == ("a-0x", "a-1x", "a-1", "A-0")


def test_json_keeps_the_table() -> None:
    assert Targets.from_json(TARGETS.to_json()) == TARGETS
    names = Targets.from_names(["a", "ü"], units="reads", scale=np.array([1, 0.1], np.float64))
    assert Targets.from_json(names.to_json()) == names


def test_names_alone_make_unstranded_targets() -> None:
    targets = Targets.from_names(["a", "b"])
    assert targets.strand_pair == (0, 1)
    assert targets.scaling.factor.tolist() == [1.0, 1.0]
    assert targets.scaling.factor.dtype == np.float32
    assert targets.units == ("coverage", "coverage")


@pytest.mark.parametrize("pair", [(0, 2, 0), (1, 2, 0), (0, 1, 3), (0, -1, 1), (0, 2, 2)])
def test_strand_pairs_point_back(pair: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"target '.*' has strand pair -?\d, which does not"):
        Targets(("a", "b", "c"), ("",) * 3, pair, (1.0,) * 3, ("",) * 3)


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="columns of different lengths"):
        Targets(("a", "b"), ("",), (0, 1), (1.0, 1.0), ("", ""))


def make_clipped(**columns: tuple) -> Targets:
    names = tuple("abcd"[: len(next(iter(columns.values())))])
    return replace(Targets.from_names(names), **columns)


positive = st.floats(0, 1e5, width=32)


@given(st.lists(positive, min_size=1, max_size=9), st.floats(0.01, 100), st.floats(1, 50))
def test_soft_clips_and_roots_come_back(values: list[float], scale: float, soft: float) -> None:
    stats = ("sum", "mean", "sum_sqrt", "mean_sqrt")
    targets = make_clipped(
        sum_stat=stats, scale=(scale,) * 4, clip_soft=(soft,) * 4, span=(128,) * 4
    )
    coverage = np.repeat(np.array(values, np.float64)[:, None], 4, axis=1)
    back = targets.from_training(targets.to_training(coverage))
    assert np.allclose(back, coverage, rtol=1e-4, atol=1e-3)


def test_transforms_by_hand() -> None:
    """Basenji's order: scale, root, soft clip, clip."""
    targets = make_clipped(
        sum_stat=("sum", "mean", "sum_sqrt", "sum"),
        scale=(2.0, 2.0, 1.0, 1.0),
        clip=(10.0, None, None, 5.0),
        clip_soft=(None, None, None, 4.0),
        span=(4, 4, 4, 4),
    )
    values = targets.to_training(np.array([[3.0, 8, 15, 7], [30, 80, 0, 100]]))
    assert values.tolist() == [[6, 4, 3, 5], [10, 40, 0, 5]]
    assert targets.from_training(values)[1, 0] == 5  # what the clip cut off stays off
    soft = make_clipped(clip_soft=(4.0,)).to_training(np.array([[12.0], [4.0], [np.nan]]))
    assert soft[:2].tolist() == [[6.0], [4.0]]
    assert np.isnan(soft[2])


def test_truth_as_clipped_in_training() -> None:
    targets = make_clipped(scale=(0.5,), clip=(10.0,))
    coverage = np.array([[3.0], [20], [21]], np.float32)
    clipped = targets.from_training(targets.to_training(coverage))
    assert clipped[:, 0].tolist() == [3, 20, 20]


def test_statistics_are_known() -> None:
    with pytest.raises(ValueError, match="sum_stat is meen, wanted sum, mean"):
        make_clipped(sum_stat=("meen",))
