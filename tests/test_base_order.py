"""The order of the bases, on made and real DNA, under all 24 orders."""

import h5py
import numpy as np
import pytest
from broken_files import HG38, YEAST, find_data, make_dna
from hypothesis import given
from hypothesis import strategies as st

from seqcast.genome.codes import reverse_complement
from seqcast.sources.base_order import ORDERS, count_steps, find_base_order
from seqcast.sources.basenji.hdf5 import codes_from_one_hot


def made_steps() -> np.ndarray:
    return sum(count_steps(codes) for codes in make_dna())


def real_steps(name: str) -> np.ndarray:
    with h5py.File(find_data(name)) as file:
        return sum(count_steps(codes_from_one_hot(rows)) for rows in file["test_in"][()])


def permute(steps_55: np.ndarray, order: str) -> np.ndarray:
    """Return the counts of the same DNA with its channels in another order."""
    channels = ["ACGT".index(base) for base in order] + [4]
    return steps_55[np.ix_(channels, channels)]


@pytest.mark.parametrize("source", ["made", YEAST, HG38])
def test_every_order_is_found_and_every_other_contradicted(source: str) -> None:
    steps = made_steps() if source == "made" else real_steps(source)
    for order in ORDERS:
        seen = permute(steps, order)
        found = find_base_order(seen)
        assert (found.order, found.possible) == (order, (order,))
        assert not find_base_order(seen, order).is_contradicted
        wrong = {other for other in ORDERS if find_base_order(seen, other).is_contradicted}
        # Without clear CpG depletion (yeast) only AT-richness tells A and T from C and G.
        swapped = order.translate(str.maketrans("ACGT", "GTAC"))
        assert set(ORDERS) - {order, swapped} <= wrong <= set(ORDERS) - {order}
        assert (swapped in wrong) == (source != YEAST)


def test_a_gc_rich_genome_may_be_declared() -> None:
    """64 % GC, TpA rare and CpG hardly depleted, as in many bacteria."""
    base = np.array([0.18, 0.32, 0.32, 0.18, 0.0])
    steps = 1e6 * np.outer(base, base)
    steps[3, 0] *= 0.7
    steps[1, 2] *= 0.9
    assert find_base_order(steps).order == "GTAC"
    declared = find_base_order(steps, "ACGT")
    assert (declared.order, declared.is_contradicted, declared.is_determined) == (
        "ACGT",
        False,
        False,
    )


@pytest.mark.parametrize("order", ["ACGT", "ATCG", "TGCA"])
def test_table_restores_the_codes(order: str) -> None:
    codes = make_dna()[0]
    channels = np.array([*(order.index(base) for base in "ACGT"), 4], dtype=np.uint8)[codes]
    found = find_base_order(permute(made_steps(), order))
    assert np.array_equal(found.table[channels], codes)


@given(st.integers(0, 2**32 - 1))
def test_dna_without_contrast_determines_nothing(seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 4, 20_000, dtype=np.uint8)
    found = find_base_order(count_steps(codes))
    assert found.possible == ORDERS
    assert (found.order, found.is_determined) == ("ACGT", False)
    assert not any(find_base_order(count_steps(codes), order).is_contradicted for order in ORDERS)


def test_little_dna_determines_nothing() -> None:
    found = find_base_order(count_steps(make_dna()[0][:200]))
    assert not found.is_determined
    assert "ACGT" in found.possible
    assert find_base_order(np.zeros((5, 5), dtype=np.int64)).possible == ORDERS


def test_undetermined_order_is_the_declared_one() -> None:
    nothing = np.zeros((5, 5), dtype=np.int64)
    assert find_base_order(nothing, "GATC").order == "GATC"


def test_without_direction_two_readings_of_each_pair_remain() -> None:
    symmetric = made_steps()
    symmetric = symmetric + symmetric.T  # as many TpA as ApT, CpG as GpC
    found = find_base_order(symmetric)
    assert set(found.possible) == {"ACGT", "TCGA", "AGCT", "TGCA"}


def test_other_strand_says_the_same() -> None:
    other = sum(count_steps(reverse_complement(codes)) for codes in make_dna())
    assert find_base_order(other).possible == ("ACGT",)


def test_gc_rich_dna_with_depleted_cpg_is_recognised() -> None:
    steps = np.full((5, 5), 1000)
    steps[1:3, 1:3] = 4000
    steps[1, 2] = 1200
    steps[3, 0] = 800
    steps[[0, 3], [0, 3]] = 1500
    assert find_base_order(steps).order == "ACGT"


def test_steps_across_n_are_not_steps_between_bases() -> None:
    steps = count_steps(np.array([0, 4, 1, 2], dtype=np.uint8))
    assert steps[:4, :4].sum() == 1
    assert steps[1, 2] == steps[0, 4] == steps[4, 1] == 1
