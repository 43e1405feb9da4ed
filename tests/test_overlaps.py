"""Windows with DNA in common are found, in whole, in part, on either strand, and no others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.kmers import K
from seqcast.sources.basenji.overlaps import Overlap, Sketches
from seqcast.sources.basenji.overlaps import sample_kmers as sample_of_both

GENOME = np.random.default_rng(3).integers(0, 4, 60_000, dtype=np.uint8)
LENGTH = 8192


def sketch(*windows: tuple[int, np.ndarray]) -> Sketches:
    sketches = Sketches(sum(codes.size for _, codes in windows))
    for group, codes in windows:
        sketches.add(group, codes)
    return sketches


def sample_kmers(codes: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    return sample_of_both(codes, reverse_complement(codes), step)


def at(start: int) -> np.ndarray:
    return GENOME[start : start + LENGTH]


@settings(deadline=None, max_examples=30)
@given(shift=st.integers(-7168, 7168), other=st.booleans(), swap=st.booleans())
def test_shifted_windows_are_found_with_the_bases_they_share(
    shift: int, other: bool, swap: bool
) -> None:
    first, second = at(20_000), at(20_000 + shift)
    if other:
        second = reverse_complement(second)
    if swap:
        first, second = second, first
    strand = "other" if other else "same"
    found = sketch((0, first), (1, second))
    if shift == 0:
        assert found.find_identical() == [Overlap(0, 1, "same", strand, LENGTH)]
        assert found.find_partial() == []
    else:
        assert found.find_identical() == []
        assert found.find_partial() == [Overlap(0, 1, "partial", strand, LENGTH - abs(shift))]


@given(st.integers(0, 50_000))
def test_kmers_are_the_same_on_either_strand(start: int) -> None:
    codes = at(start)
    kmers, places = sample_kmers(codes, 8)
    others, other_places = sample_kmers(reverse_complement(codes), 8)
    assert np.array_equal(kmers, others[::-1])
    # A k-mer from x on begins at length - K - x when read from the other end, on the other strand.
    assert np.array_equal(places >> 1, codes.size - K - (other_places[::-1] >> 1))
    assert np.array_equal(places & 1, 1 - (other_places[::-1] & 1))
    assert 0.05 < kmers.size / codes.size < 0.25


def test_a_sampled_kmer_spells_its_bases() -> None:
    kmers, places = sample_kmers(GENOME, 8)
    start, strand = int(places[0]) >> 1, int(places[0]) & 1
    codes = GENOME[start : start + K]
    codes = reverse_complement(codes) if strand else codes
    assert int(kmers[0]) == int("".join(map(str, codes.tolist())), 4)


def test_overlap_within_a_group_is_nobodys_business() -> None:
    assert sketch((0, at(0)), (0, at(4096))).find_partial() == []


def test_identical_windows_within_a_group_are_found() -> None:
    found = sketch((0, at(0)), (0, at(30_000)), (0, at(0)), (2, reverse_complement(at(0))))
    assert found.find_identical() == [
        Overlap(0, 2, "same", "same", LENGTH),
        Overlap(0, 3, "same", "other", LENGTH),
    ]


@pytest.mark.parametrize("copies", [2, 40])
def test_repeat_inside_two_windows_is_no_overlap(copies: int) -> None:
    windows = []
    for copy in range(copies):
        codes = np.random.default_rng(copy).integers(0, 4, LENGTH, dtype=np.uint8)
        codes[1000 + 10 * copy : 5000 + 10 * copy] = GENOME[:4000]
        windows.append((copy % 3, codes))
    assert sketch(*windows).find_partial() == []


def test_overlap_with_a_few_differences_is_found() -> None:
    changed = at(4096).copy()
    changed[2000] = 3 - changed[2000]
    assert [found.bases for found in sketch((0, at(0)), (2, changed)).find_partial()] == [4096]


@pytest.mark.parametrize("unit", [[0], [1, 0], [0, 0, 2], [2, 2, 0, 3, 3, 0]])
def test_short_tandem_repeats_share_nothing(unit: list[int]) -> None:
    codes = np.resize(np.array(unit, dtype=np.uint8), LENGTH)
    assert sample_kmers(codes, 8)[0].size == 0


def test_unknown_bases_resemble_nothing() -> None:
    blank = np.full(LENGTH, N, dtype=np.uint8)
    found = sketch((0, blank), (1, blank))
    assert found.find_identical() == found.find_partial() == []


@pytest.mark.parametrize("length", [0, 1, K - 1])
def test_windows_shorter_than_a_kmer_have_none(length: int) -> None:
    assert sample_kmers(GENOME[:length], 8)[0].size == 0


def test_nothing_in_common_where_there_is_nothing() -> None:
    assert Sketches(0).find_partial() == Sketches(0).find_identical() == []


def test_sampling_thins_out_for_large_files() -> None:
    assert Sketches(10**6).step == 8
    assert Sketches(6_000 * 131_072).step == 64
