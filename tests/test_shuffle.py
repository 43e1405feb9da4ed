"""Shuffled DNA has the dinucleotides it had."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.genome.codes import encode
from seqcast.genome.shuffle import shuffle_dinucleotides


def count_pairs(codes: np.ndarray) -> list[int]:
    return np.bincount(codes[:-1].astype(int) * 5 + codes[1:], minlength=25).tolist()


sequences = st.lists(st.integers(0, 4), max_size=80).map(lambda codes: np.array(codes, dtype="u1"))
few_letters = st.lists(st.sampled_from([0, 3]), max_size=40).map(lambda c: np.array(c, dtype="u1"))


@given(sequences | few_letters, st.integers(0, 2**32))
def test_pairs_ends_and_unknown_bases_stay(codes: np.ndarray, seed: int) -> None:
    before = codes.copy()
    shuffled = shuffle_dinucleotides(codes, seed)
    assert shuffled.dtype == np.uint8
    assert count_pairs(shuffled) == count_pairs(codes) if codes.size > 1 else True
    np.testing.assert_array_equal(shuffled[:1], codes[:1])
    np.testing.assert_array_equal(shuffled[-1:], codes[-1:])
    np.testing.assert_array_equal(shuffled == 4, codes == 4)
    np.testing.assert_array_equal(shuffle_dinucleotides(codes, seed), shuffled)
    np.testing.assert_array_equal(codes, before)


def test_a_window_is_shuffled() -> None:
    codes = np.random.default_rng(1).choice(4, 131_072, p=[0.3, 0.2, 0.2, 0.3]).astype(np.uint8)
    codes[1000:1100] = 4
    shuffled = shuffle_dinucleotides(codes, 5)
    assert count_pairs(shuffled) == count_pairs(codes)
    # Places that agree are as many as by chance: .3² + .2² + .2² + .3² = .26.
    assert np.mean(shuffled == codes) == pytest.approx(0.26, abs=0.01)
    assert np.mean(shuffled == shuffle_dinucleotides(codes, 6)) == pytest.approx(0.26, abs=0.01)


def test_every_order_is_as_likely() -> None:
    codes = encode("ACAGACCATAG")
    orders = {
        bytes(order)
        for middle in set(permutations(codes[1:-1].tolist()))
        for order in [(0, *middle, 2)]
        if count_pairs(np.array(order, dtype=np.uint8)) == count_pairs(codes)
    }
    draws = 100 * len(orders)
    found = Counter(shuffle_dinucleotides(codes, seed).tobytes() for seed in range(draws))
    assert set(found) == orders
    assert len(orders) == 24
    # Chi-squared of an even draw has a mean of orders - 1 and a variance of twice that.
    chi2 = sum((count - 100) ** 2 / 100 for count in found.values())
    assert abs(chi2 - len(orders)) < 4 * np.sqrt(2 * len(orders))


def test_a_generator_goes_on() -> None:
    rng = np.random.default_rng(3)
    codes = encode("ACGTTGCAACGATCGATTTACGGCA")
    first, second = shuffle_dinucleotides(codes, rng), shuffle_dinucleotides(codes, rng)
    assert first.tolist() != second.tolist()
    np.testing.assert_array_equal(first, shuffle_dinucleotides(codes, 3))
