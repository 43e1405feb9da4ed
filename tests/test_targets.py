"""The table of targets, and the names of their files."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TARGETS

from seqcast.targets import Targets, unique_slugs

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
    assert targets.scale_T.tolist() == [1.0, 1.0]
    assert targets.scale_T.dtype == np.float32
    assert targets.units == ("coverage", "coverage")


@pytest.mark.parametrize("pair", [(0, 2, 0), (1, 2, 0), (0, 1, 3), (0, -1, 1), (0, 2, 2)])
def test_strand_pairs_point_back(pair: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"target '.*' has strand pair -?\d, which does not"):
        Targets(("a", "b", "c"), ("",) * 3, pair, (1.0,) * 3, ("",) * 3)


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="columns of different lengths"):
        Targets(("a", "b"), ("",), (0, 1), (1.0, 1.0), ("", ""))
