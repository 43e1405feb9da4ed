"""Scores of variants keep their laws; alleles are judged, trimmed and laid in windows."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from test_explain import make_network
from tiny import BIN, CROP, NETWORKS, TARGETS, WINDOW

from seqcast.genome.codes import N, decode, encode
from seqcast.predict.predictor import Predictor
from seqcast.variants.alleles import Allele, judge, trim
from seqcast.variants.effects import Effects, Window, align
from seqcast.variants.grid import Grid
from seqcast.variants.null import shuffle_flanks
from seqcast.variants.parts import Site
from seqcast.variants.scores import Scores, average
from seqcast.variants.significance import Null, compute_q, compute_spread

GRID = Grid(WINDOW, BIN, CROP)
LONG = 10_000
MARGIN = 64
bases = st.text("ACGT", min_size=1, max_size=6)


def make_site(start: int, ref: str, alt: str, **changes: object) -> Site:
    return Site("chr1", start, ref, alt, "scored", "none", -1, 0.5)._replace(**changes)


def make_window(start: int, seed: int = 5) -> Window:
    codes = np.random.default_rng(seed).integers(0, 4, WINDOW + 2 * MARGIN).astype(np.uint8)
    return Window("chr1", start, codes, MARGIN)


@cache
def make_effects(kind: str = "pooled", both_strands: bool = True) -> Effects:
    network = make_network(NETWORKS[kind], TARGETS, crop=CROP)
    return Effects(Predictor(network, both_strands=both_strands), GRID, 20)


class Text:
    """A genome of one contig, given as letters."""

    def __init__(self, letters: str) -> None:
        self.codes, self.lengths = encode(letters), {"chr1": len(letters)}

    def read(self, contig: str, start: int, end: int) -> np.ndarray:
        found = np.full(end - start, N, dtype=np.uint8)
        first, last = max(start, 0), min(end, len(self.codes))
        found[first - start : last - start] = self.codes[first:last]
        return found


def judge_in(letters: str, position: int, ref: str, alt: str, contig: str | None = "chr1"):
    return judge(Text(letters), contig, position, ref, alt, 8)


@pytest.mark.parametrize(
    ("position", "ref", "alt", "start", "trimmed", "status"),
    [
        (3, "G", "T", 2, ("G", "T"), "scored"),
        (3, "g", "t", 2, ("G", "T"), "scored"),
        (3, "GT", "TA", 2, ("GT", "TA"), "scored"),  # MNV
        (2, "CGT", "CTT", 2, ("G", "T"), "scored"),  # an SNV written as an MNV
        (3, "G", "GAA", 3, ("", "AA"), "scored"),
        (3, "GT", "G", 3, ("T", ""), "scored"),
        (3, "GT", "ACC", 2, ("GT", "ACC"), "scored"),
        (3, "G", "G", 2, ("", ""), "scored"),
        (1, "A", "T", 0, ("A", "T"), "scored"),
        (12, "C", "A", 11, ("C", "A"), "scored"),  # the contig's last base
        (3, "T", "G", 2, ("G", "T"), "flipped"),
        (3, "TA", "GT", 2, ("GT", "TA"), "flipped"),
        (3, "TA", "G", 2, ("TA", "G"), "REF is not the genome's"),
        (3, "A", "T", 2, ("A", "T"), "REF is not the genome's"),
        (3, "G", ".", 2, ("G", "."), "no ALT"),
        (3, "G", "", 2, ("G", ""), "no ALT"),
        (3, "G", "*", 2, ("G", "*"), "deleted elsewhere"),
        (3, "G", "<DEL>", 2, ("G", "<DEL>"), "symbolic"),
        (3, "G", "<NON_REF>", 2, ("G", "<NON_REF>"), "symbolic"),
        (3, "G", "G]chr2:7]", 2, ("G", "G]CHR2:7]"), "symbolic"),
        (3, "G", "GT.", 2, ("G", "GT."), "symbolic"),
        (3, "G", "R", 2, ("G", "R"), "not DNA"),
        (3, "G", "N", 2, ("G", "N"), "N"),
        (7, "N", "A", 6, ("N", "A"), "N"),
        (7, "A", "C", 6, ("A", "C"), "N"),
        (12, "CG", "A", 11, ("CG", "A"), "past the contig's end"),
        (0, "A", "T", -1, ("A", "T"), "past the contig's end"),
        (3, "G", "GAAAAAAAAA", 3, ("", "AAAAAAAAA"), "too long"),
    ],
)
def test_every_kind_of_allele_is_scored_or_left_out_for_a_reason(
    position: int, ref: str, alt: str, start: int, trimmed: tuple[str, str], status: str
) -> None:
    found = judge_in("acGTACnTTGAC", position, ref, alt)
    assert found == Allele("chr1", start, *trimmed, status)


def test_a_contig_that_the_genome_lacks_is_one_reason() -> None:
    assert judge_in("ACGT", 1, "A", "C", None).status == "unknown contig"


@given(bases, bases, st.text("ACGT", max_size=5), st.text("ACGT", max_size=5))
def test_how_an_allele_is_written_changes_nothing(
    ref: str, alt: str, left: str, right: str
) -> None:
    genome = f"GATTACA{left}{ref}{right}CATGATTACAG"
    at = 8 + len(left)
    short = judge_in(genome, at, ref, alt)
    long = judge_in(genome, at - len(left), left + ref + right, left + alt + right)
    assert short == long or ref == alt
    # What comes out is the same sequence.
    made = genome[: short.start] + short.alt + genome[short.start + len(short.ref) :]
    assert made == genome[: at - 1] + alt + genome[at - 1 + len(ref) :]


@given(st.integers(0, 8), st.integers(1, 3))
def test_in_a_repeat_an_indel_is_the_same_wherever_it_is_written(place: int, units: int) -> None:
    genome = "CCG" + "AT" * 10 + "GGC"
    at = 4 + 2 * place
    inserted = judge_in(genome, at, genome[at - 1], genome[at - 1] + "TA" * units)
    assert (inserted.start, inserted.alt) == (3, "AT" * units)
    deleted = judge_in(genome, at, genome[at - 1 : at + 2], genome[at - 1])
    assert (deleted.start, deleted.ref) == (3, "AT")


@given(st.integers(0, LONG - 1), st.integers(1, 3 * LONG))
def test_windows_lie_on_a_grid_and_hold_what_is_summed(place: int, length: int) -> None:
    place %= length
    start = GRID.compute_start(place, length)
    known = GRID.mark_known(start, length)
    near = GRID.list_near(start, place - 20, place + 21, known)
    assert start % BIN == 0
    assert known.start <= near.start < near.stop <= known.stop
    first = start + CROP * BIN
    assert first + near.start * BIN <= place < first + near.stop * BIN
    # Where nothing is in the way, a window's centre is the nearest of the grid.
    if WINDOW < place < length - WINDOW:
        assert abs(start + WINDOW // 2 - place) <= GRID.step // 2 + BIN
        assert (near.stop - near.start) * BIN >= 41
        assert first + BIN * near.start <= place - 20 < first + BIN * (near.start + 1)
    # The allele may be as long as it may.
    if WINDOW < place < length - 2 * WINDOW:
        assert place + GRID.longest < start + WINDOW


@pytest.mark.parametrize("kind", sorted(NETWORKS))
@pytest.mark.parametrize("both_strands", [False, True])
def test_substitutions_are_scored_as_whole_windows(kind: str, both_strands: bool) -> None:
    effects, window = make_effects(kind, both_strands), make_window(1024)
    sites = []
    for at, size in ((100, 1), (101, 1), (90, 3), (128, 20), (150, 1)):
        ref = decode(window.own[at : at + size])
        alt = decode(3 - window.own[at : at + size])
        sites.append(make_site(1024 + at, ref, alt))
    found = effects.score(window, sites, LONG)
    predictor = effects.predictor
    ref_NT = predictor.predict(window.own[None])[0]
    for row, site in enumerate(sites):
        changed = window.own.copy()
        changed[site.start - 1024 :][: len(site.alt)] = encode(site.alt)
        alt_NT = predictor.predict(changed[None])[0]
        first = (site.start - 20 - 1024) // BIN - CROP
        end = -(-(site.start + len(site.ref) + 20 - 1024) // BIN) - CROP
        sums = [each[first:end].sum(0) for each in (ref_NT, alt_NT)]
        c = TARGETS.mean_T * (end - first)
        wanted = np.log2((sums[1] + c) / (sums[0] + c))
        np.testing.assert_allclose(found.lfc[row], wanted, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.ref_sum[row], sums[0], rtol=1e-5)
        np.testing.assert_allclose(found.alt_sum[row], sums[1], rtol=1e-5)
        assert found.bins[row] == end - first
        logs = np.log2(1 + alt_NT / TARGETS.mean_T) - np.log2(1 + ref_NT / TARGETS.mean_T)
        np.testing.assert_allclose(found.l2[row], np.sqrt((logs**2).sum(0)), rtol=1e-3, atol=1e-5)
        at = np.abs(alt_NT - ref_NT).argmax(0)
        np.testing.assert_array_equal(found.change_at[row], 1024 + 1 + (at + CROP) * BIN)
        change = (alt_NT - ref_NT)[at, range(3)]
        np.testing.assert_allclose(found.change[row], change, rtol=1e-3, atol=1e-5)
    assert found.each.shape == (5, 3, 1 + both_strands)
    assert np.abs(found.lfc).max() > 1e-2


@settings(max_examples=30)
@given(st.integers(60, 190), st.integers(1, 5), st.integers(0, 99))
def test_swapping_ref_and_alt_in_genome_and_file_turns_the_sign(
    at: int, size: int, seed: int
) -> None:
    window = make_window(1024, seed)
    alt = (window.own[at : at + size] + 1) % 4
    changed = window.codes.copy()
    changed[MARGIN + at :][:size] = alt
    site = make_site(1024 + at, decode(window.own[at : at + size]), decode(alt))
    there = make_effects().score(window, [site], LONG)
    other = replace(window, codes=changed)
    back = make_effects().score(other, [site._replace(ref=site.alt, alt=site.ref)], LONG)
    for key in ("lfc", "lfc_window", "change"):
        np.testing.assert_allclose(getattr(there, key), -getattr(back, key), rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(there.l2, back.l2, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(there.ref_sum, back.alt_sum, rtol=1e-5)


def test_what_changes_nothing_is_exactly_0() -> None:
    window = make_window(1024)
    own = decode(window.own[100:101])
    # Alleles that are trimmed to nothing, and a base that is written over itself.
    sites = [make_site(1124, "", ""), make_site(1124, own, own)]
    found = make_effects().score(window, sites, LONG)
    for key in ("lfc", "lfc_window", "l2", "change", "each"):
        assert not getattr(found, key).any()


def test_a_score_does_not_hang_on_what_else_is_in_the_window() -> None:
    window = make_window(1024)
    sites = [
        make_site(1024 + at, decode(window.own[at : at + 1]), decode(3 - window.own[at : at + 1]))
        for at in range(80, 180)
    ]
    sites[30] = make_site(1024 + 110, "", "ACGTA")
    together = make_effects().score(window, sites, LONG)
    for row in (0, 29, 30, 31, 99):
        alone = make_effects().score(window, [sites[row]], LONG)
        np.testing.assert_allclose(alone.lfc[0], together.lfc[row], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(alone.change_at[0], together.change_at[row])


def spread(place: np.ndarray) -> np.ndarray:
    """Return the coverage of bases: a plateau, a step and a slope."""
    return np.where(place < 1100, 1.0, 5.0) + np.where(place > 1150, (place - 1150) / 50, 0)


def predict_moved(site: Site, first: int, bins: int, side: str) -> np.ndarray:
    """Predict as a model would that sees each base's coverage alone: inserted ones the next's."""
    end, grown = site.start + len(site.ref), len(site.alt) - len(site.ref)
    place = np.arange(first, first + bins * BIN)
    begin = site.start if side == "left" else site.start - grown
    moved = place if side == "left" else place + grown
    before = moved < site.start
    within = (moved >= site.start) & (moved < site.start + len(site.alt))
    ref_place = np.where(before, moved, np.where(within, begin, moved - grown))
    ref_place = np.where(within, min(site.start, end), ref_place)
    return spread(ref_place).reshape(bins, BIN).mean(1)[None, :, None]


@given(st.integers(1060, 1190), st.text("ACGT", max_size=40), st.text("ACGT", max_size=40))
def test_a_shift_of_the_rest_is_no_effect(start: int, ref: str, alt: str) -> None:
    first, bins, site = 1008, 14, make_site(start, ref, alt)
    place = np.arange(first, first + bins * BIN)
    whole = spread(place).reshape(bins, BIN).mean(1)
    sides = [predict_moved(site, first, bins, side) for side in ("left", "right")]
    found = align(*sides, site, first, BIN)[0, :, 0]
    low, high = (start - 1 - first) // BIN, (start + len(ref) - first) // BIN
    np.testing.assert_allclose(found[:low], whole[:low], rtol=1e-6)
    np.testing.assert_allclose(found[high + 1 :], whole[high + 1 :], rtol=1e-6)
    # In the allele's own bins no more than coverage differs there, and not at all on a plateau.
    moved = max(len(ref), len(alt))
    reach = slice(max(low * BIN - moved, 0), (high + 1) * BIN + moved)
    steps = np.ptp(spread(place)[reach])
    assert np.abs(found - whole).max() <= steps + 1e-6


def test_a_long_insertion_counts_with_what_it_holds() -> None:
    site = make_site(1040, "", "A" * 80)
    left, right = np.ones((1, 14, 1)), np.ones((1, 14, 1))
    left[0, 4] = 13.0  # a peak within the insertion
    found = align(left, right, site, 1008, BIN)[0, :, 0]
    assert found[2] == pytest.approx(1 + 12 / 6)  # with five whole bins within
    assert (np.delete(found, 2) == 1).all()


def test_shifts_are_averaged_and_each_is_a_reading() -> None:
    effects, window = make_effects(), make_window(1024)
    own = decode(window.own[110:111])
    sites = [make_site(1134, own, decode(3 - window.own[110:111])), make_site(1134, own, "")]
    shifted = [replace(effects, shifts=(by,)).score(window, sites, LONG) for by in (0, 5, -3)]
    found = replace(effects, shifts=(0, 5, -3)).score(window, sites, LONG)
    np.testing.assert_allclose(found.lfc, np.mean([each.lfc for each in shifted], 0), rtol=1e-6)
    assert found.each.shape == (2, 3, 6)
    assert not np.allclose(shifted[0].lfc, shifted[1].lfc, rtol=1e-4)


def test_of_changes_the_largest_counts_with_its_place() -> None:
    one = Scores(*[np.ones((1, 1))] * 7, np.ones(1), np.ones((1, 1, 2)))
    other = replace(one, change=np.array([[-3.0]]), change_at=np.array([[9]]), lfc=np.zeros((1, 1)))
    found = average([one, other])
    assert (found.change[0, 0], found.change_at[0, 0], found.lfc[0, 0]) == (-3, 9, 0.5)
    assert found.each.shape == (1, 1, 4)


def test_the_spread_is_that_of_the_readings_there_are() -> None:
    each = np.array([[[1.0, 2.0, 4.0]], [[1.0, 3.0, np.nan]], [[1.0, np.nan, np.nan]]])
    found = compute_spread(each)[:, 0]
    np.testing.assert_allclose(found[:2], [np.std([1, 2, 4], ddof=1), np.sqrt(2)])
    assert np.isnan(found[2])


@given(st.integers(1, 40), st.integers(0, 99))
def test_p_is_the_rank_among_the_nearest_half_and_never_above_1(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lfc, gc = rng.normal(size=(count, 2)), rng.permutation(count) / count
    null = Null(lfc, gc)
    asked, place = np.append(rng.normal(size=(5, 2)), [[0, 99]], axis=0), rng.random(6)
    p = null.to_p(null.count(asked, place))
    half = (count + 1) // 2
    for row in range(6):
        nearest = np.argsort(np.abs(gc - place[row]), kind="stable")[:half]
        wanted = 1 + (np.abs(lfc[nearest]) >= np.abs(asked[row])).sum(0)
        np.testing.assert_allclose(p[row], wanted / (1 + half))
    assert p[5].tolist() == [1, 1 / (1 + half)]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_q_is_benjamini_and_hochbergs(counts: list[int]) -> None:
    p = (1 + np.arange(10)) / 11
    tests = np.bincount(counts, minlength=10)
    wanted = false_discovery_control(p[counts])
    np.testing.assert_allclose(compute_q(p, tests)[counts], wanted)


def test_shuffled_flanks_keep_the_allele_and_its_neighbours() -> None:
    codes = np.random.default_rng(1).integers(0, 4, 400).astype(np.uint8)
    found = shuffle_flanks(codes, 200, 203, 7)
    assert np.array_equal(found[199:204], codes[199:204])
    assert np.array_equal(found, shuffle_flanks(codes, 200, 203, 7))
    assert (found != codes).mean() > 0.5
    for side in (slice(None, 199), slice(204, None)):
        pairs = [np.sort(5 * each[side][:-1] + each[side][1:]) for each in (codes, found)]
        assert np.array_equal(*pairs)


def test_what_both_alleles_end_with_goes_first() -> None:
    assert trim(10, "CAAA", "CAA") == (11, "A", "")
    assert trim(10, "AC", "AC") == (10, "", "")
