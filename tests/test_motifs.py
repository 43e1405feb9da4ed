"""Motifs: exact p values, what contributes, patterns read, named and merged, faults."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from motif_run import WIDTH, Planted, Site, StandIn, make_codes, write_explain, write_modisco

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import AGAIN, read_table
from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.meme import Motif, from_consensus, read_meme, to_consensus, write_meme
from seqcast.motifs.arrays import Region, read_arrays
from seqcast.motifs.discovering import discover_all
from seqcast.motifs.facts import read_discovered
from seqcast.motifs.hits import Discovered, Target, keep_best, write_hits
from seqcast.motifs.naming import extend, merge, name_all
from seqcast.motifs.patterns import read_matrices, read_patterns
from seqcast.motifs.scanning import STEP, Scanner, Words, compute_background
from seqcast.motifs.tools import Tools
from seqcast.settings import read_settings
from seqcast.settings.steps import MotifsSettings

CTCF, TATA = "CCASYAGRKGGCRS", "SSRCGCCTATAWAAG"
SETTINGS = MotifsSettings(database="known.meme", contribution=0.05)
EVEN = np.full(4, 0.25)
KNOWN = [Motif("A1", "CTCF", from_consensus(CTCF)), Motif("A2", "TATA", from_consensus(TATA))]


@st.composite
def motifs(draw: st.DrawFn) -> Motif:
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return Motif("M", "M", rng.dirichlet(np.full(4, 0.4), draw(st.integers(1, 6))))


@given(motifs(), st.integers(0, 100), st.sampled_from([0.3, 0.05, 1e-3, 1e-7]))
def test_p_values_are_exact(motif: Motif, seed: int, p: float) -> None:
    background = compute_background([np.random.default_rng(seed).integers(0, 4, 30)])
    scanner = Scanner.make(motif, background, p)
    width = len(scanner.scores)
    every = np.array(list(itertools.product(range(4), repeat=width)))
    scores, chances = scanner.scores[np.arange(width), every].sum(1), background[every].prod(1)
    for score in {scanner.threshold, *scores[:: max(1, len(scores) // 9)].tolist()}:
        wanted = chances[scores >= score].sum()
        assert scanner.tail[score - scanner.lowest] == pytest.approx(wanted, abs=1e-12)
    # The threshold is the lowest that is rare enough, or the highest score.
    assert scanner.is_short == (chances[scores == scores.max()].sum() > p)
    assert scanner.is_short or scanner.chance() <= p
    lower = scores[scores < scanner.threshold]
    assert not len(lower) or scanner.is_short or chances[scores >= lower.max()].sum() > p


@given(motifs(), st.integers(0, 100))
def test_matches_are_those_of_each_place_alone(motif: Motif, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 5, (3, 40)).astype(np.uint8)
    scanner = Scanner.make(motif, EVEN, 0.2)
    found = scanner.scan(Words(codes))
    wanted, width = [], len(scanner.scores)
    for row, start in itertools.product(range(3), range(40 - width + 1)):
        here = codes[row, start : start + width]
        for forward, read in ((True, here), (False, reverse_complement(here))):
            if N not in read and scanner.scores[np.arange(width), read].sum() >= scanner.threshold:
                score = scanner.scores[np.arange(width), read].sum()
                wanted.append((row, start, forward, score * STEP))
    rows = zip(found.row, found.start, found.forward, found.score, strict=True)
    assert [(r, s, f, pytest.approx(x)) for r, s, f, x in rows] == wanted


def test_a_sequence_shorter_than_a_motif_has_no_match() -> None:
    scanner = Scanner.make(KNOWN[0], EVEN, 1e-4)
    assert len(scanner.scan(Words(make_codes("ACGT")[None])).row) == 0


@given(st.text("ACGTRYSWKMBDHVN", min_size=1, max_size=20))
def test_a_consensus_is_read_back(consensus: str) -> None:
    found = to_consensus(from_consensus(consensus))
    # Three of four bases have no rule of their own.
    assert found == consensus.translate(str.maketrans("BDHV", "NNNN"))


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two targets of forty regions, one of which overlaps another; sites of two motifs."""
    places = [("chr1", 1_000 + 1_000 * row) for row in range(38)] + [("chr1", 1_150), ("chr2", 0)]
    sites = [Site(row, 150, CTCF, forward=row % 2 == 0) for row in range(20)]
    # Stands there and does nothing.
    sites += [Site(row, 250, CTCF, value=0.0) for row in range(20, 30)]
    sites += [Site(row, 300, TATA, value=-1.0) for row in range(25, 38)]
    one, two = Planted("one", places, sites), Planted("two", places, [], seed=3)
    # The overlapping region has the letters of the other.
    one.codes[38, :250] = one.codes[0, 150:]
    return write_explain(tmp_path_factory.mktemp("explain"), [one, two])


def write_known(folder: Path) -> Path:
    write_meme(folder / "known.meme", [*KNOWN, Motif("A3", "NEVER", from_consensus("ACGT" * 6))])
    return folder / "known.meme"


def test_hits_are_matches_that_contribute(explained: Path, tmp_path: Path) -> None:
    known = write_known(tmp_path)
    settings = MotifsSettings(database=str(known), discover=False, contribution=0.05)
    write_hits(explained, known, settings, tmp_path / "motifs.json")
    hits = pd.read_csv(tmp_path / "hits.tsv", sep="\t")
    ctcf = hits[(hits["name"] == "CTCF") & (hits["target"] == "one")]
    wanted = {(1_000 + 1_000 * row + 150, "+-"[row % 2]) for row in range(20)}
    assert set(zip(ctcf["start"], ctcf["strand"], strict=True)) == wanted
    assert (ctcf["contribution"] > 5).all()
    assert (ctcf["rank"] <= settings.contribution).all()
    # The first one lies in two regions: it is of the one whose summit is nearer.
    first = ctcf[ctcf["start"] == 1_150].iloc[0]
    assert (first["region"], first["offset"]) == ("r0", -43)
    tata = hits[(hits["name"] == "TATA") & (hits["target"] == "one")]
    assert len(tata) == 13
    assert (tata["contribution"] < 0).all()
    assert set(ctcf["split"]) == {"test"}

    counts = pd.read_csv(tmp_path / "counts.tsv", sep="\t").set_index(["name", "target"])
    # Those that do nothing are matches, with some by chance, and no hits.
    assert 30 <= counts.loc[("CTCF", "one"), "matches"] < 40
    assert counts.loc[("CTCF", "one"), "hits"] == 20
    places = 2 * 40 * (WIDTH - len(CTCF) + 1)
    assert 0 < counts.loc[("CTCF", "one"), "chance"] <= places * settings.p * 0.05
    assert [motif.id for motif in read_meme(tmp_path / "motifs.meme")] == ["A1", "A2"]
    bed = [line.split("\t") for line in (tmp_path / "hits.bed").read_text().splitlines()]
    assert bed == sorted(bed, key=lambda row: (row[0], int(row[1]), int(row[2])))
    assert all(len(row) == 6 and 400 <= int(row[4]) <= 1000 for row in bed)
    said = json.loads((tmp_path / "motifs.json").read_text())
    assert [each["name"] for each in said["motifs"]] == ["CTCF", "TATA"]
    assert sum(each["places"] for each in said["motifs"]) == len(bed)

    again = tmp_path / "again"
    again.mkdir()
    write_hits(explained, known, settings, again / "motifs.json")
    for file in ("hits.tsv", "hits.bed", "counts.tsv", "motifs.meme", "motifs.json"):
        assert (tmp_path / file).read_bytes() == (again / file).read_bytes()


def test_the_rank_of_a_sum_is_its_place_among_all_of_its_width(explained: Path) -> None:
    target = Target(read_arrays(explained)[1], 0.05)
    _, contributions = read_arrays(explained)[1].read()
    sums = np.array([row[at : at + 9].sum() for row in contributions for at in range(WIDTH - 8)])
    for value in (0.0, -0.05, 0.11):
        assert target.compute_rank(9, np.array([value]))[0] == pytest.approx(
            (np.abs(sums) >= abs(value)).mean(), abs=1e-3
        )


def test_a_palindrome_is_one_hit() -> None:
    contigs = np.array(["a", "a", "a", "b", "a"])
    starts, score = np.array([10, 10, 14, 10, 15]), np.array([5.0, 5.0, 6.0, 1.0, 4.0])
    assert keep_best(contigs, starts, score, 10).tolist() == [2, 3]
    assert keep_best(contigs, starts, score, 8).tolist() == [0, 2, 3]


PATTERNS = [
    ("pos", f"NNN{CTCF}NN", [(0, 147, False), (1, 148, True), (2, 100, False)]),
    ("neg", f"{TATA}N", [(25, 300, False)] * 2),
    ("pos", "NNNNNACNN", [(3, 10, False)]),
]


def test_patterns_are_read_trimmed_and_placed(tmp_path: Path) -> None:
    write_modisco(tmp_path / "modisco.h5", PATTERNS)
    places = [Region("chr1", 1000, 1400, 1200, "r", "test")] * 40
    one, weak, two = read_patterns(tmp_path / "modisco.h5", "t", "m", places)
    assert (one.id, one.sign, one.seqlets, one.regions) == ("t.m.pos.0", "pos", 3, 3)
    assert to_consensus(one.ppm) == CTCF
    assert one.contribution > 0 > two.contribution
    # 147 + 3 + 7; reversed: 148 + 2 + 7; the summit is base 200.
    assert one.offsets.tolist() == [-43, -43, -90]
    assert (two.id, to_consensus(two.ppm)) == ("t.m.neg.0", TATA)
    assert (weak.is_motif, two.is_motif) == (False, True)
    assert to_consensus(one.turn().turn().ppm) == CTCF


def test_patterns_that_are_alike_are_one_motif(tmp_path: Path) -> None:
    turned = from_consensus(CTCF)[::-1, ::-1]
    patterns = [
        ("pos", to_consensus(turned), [(0, 1, False)] * 5),
        ("pos", CTCF, [(0, 1, False)] * 3),
        ("pos", "GGGGAAAACCCC", [(0, 1, False)] * 4),
        ("neg", "GGGGAAAACCCC", [(0, 1, False)] * 2),
    ]
    write_modisco(tmp_path / "modisco.h5", patterns)
    places = [Region("chr1", 0, WIDTH, 200, "r", "test")]
    read = read_patterns(tmp_path / "modisco.h5", "t", "m", places)
    matches, distinct = merge(read, KNOWN, StandIn())
    assert [[each.id for each in of.patterns] for of in distinct] == [
        ["t.m.pos.0", "t.m.pos.1"], ["t.m.pos.2", "t.m.neg.0"],
    ]  # fmt: skip
    named, other = (of.to_motif(number) for number, of in enumerate(distinct, start=1))
    assert (named.id, named.name, named.sites) == ("M1", "CTCF", 5)
    assert (other.id, other.name) == ("M2", "GGGGAAAACCCC")
    # Both read as the database's motif does.
    assert [to_consensus(each.ppm) for each in distinct[0].patterns] == [CTCF, CTCF]
    assert matches["t.m.pos.0"].q < 0.01 < matches["t.m.pos.2"].q
    assert merge(read, [], StandIn())[0] == {}


def test_few_targets_are_joined_by_the_same_with_other_letters() -> None:
    own = [from_consensus("AAC"), from_consensus("CA")]
    found = extend(own)
    assert [each.tolist() for each in found[:2]] == [each.tolist() for each in own]
    np.testing.assert_allclose(np.concatenate(found).mean(axis=0), EVEN, atol=0.05)
    assert extend(own * 25) == own * 25


def run_all(explained: Path, folder: Path, tools: StandIn) -> Path:
    folder.mkdir(exist_ok=True)
    known, parts = write_known(folder), folder / "parts"
    parts.mkdir(exist_ok=True)
    discover_all(explained, SETTINGS, tools, parts / "discovered.json")
    name_all(explained, parts / "discovered.json", known, tools, folder / "patterns.tsv")
    discovered = Discovered(parts / "discovered.json", folder / "patterns.tsv", known)
    write_hits(explained, parts / "motifs.meme", SETTINGS, folder / "motifs.json", discovered)
    return folder


def test_what_is_found_is_named_and_found_again(explained: Path, tmp_path: Path) -> None:
    tools = StandIn(PATTERNS, positive=200, negative=150)
    folder = run_all(explained, tmp_path / "motifs", tools)
    rows = read_table(folder / "patterns.tsv", AGAIN)
    assert [(row["id"], row["motif"], row["match_name"]) for row in rows][:3] == [
        ("one.default.pos.0", "M1", "CTCF"), ("one.default.pos.1", "", ""),
        ("one.default.neg.0", "M2", "TATA"),
    ]  # fmt: skip
    id_ = "one.default.pos.0"
    ppm, cwm = read_matrices(folder / "patterns.h5", [id_])[id_]
    assert ppm.shape == cwm.shape == (len(CTCF), 4)
    said = json.loads((folder / "motifs.json").read_text())
    names = {each["id"]: each["name"] for each in said["motifs"]}
    assert names == {"M1": "CTCF", "M2": "TATA"}
    assert said["motifs"][0]["hits"] == 20
    (missed,) = said["missed"]
    assert missed["name"] == "NEVER"
    assert "TF-MoDISco wants 20 stretches that are alike" in missed["why"]
    assert said["targets"][0]["positive"] == 200

    # Nothing is done twice; what is gone or of other contributions is done again.
    assert tools.asked == 2
    run_all(explained, folder, tools)
    assert tools.asked == 2
    (folder / "parts/one.default/modisco.h5").write_bytes(b"")
    run_all(explained, folder, tools)
    assert tools.asked == 3
    again = run_all(explained, tmp_path / "again", StandIn(PATTERNS, positive=200, negative=150))
    for file in ("patterns.tsv", "patterns.h5", "motifs.meme", "hits.tsv", "hits.bed"):
        assert (folder / file).read_bytes() == (again / file).read_bytes()


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"positive": 60, "negative": 3}, "TF-MoDISco wants more than 100"),
        ({"positive": 700}, "of 700 stretches that matter no 20 are alike"),
        ({"refused": "index 0 is out of bounds"}, "nothing stands out"),
    ],
    ids=["few", "unlike", "refused"],
)
def test_no_motifs_is_said_with_the_reason_and_what_to_do(
    facts: dict, why: str, explained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = run_all(explained, tmp_path / "motifs", StandIn(**facts))
    assert why in caplog.text
    assert "explain.most" in caplog.text
    found, _ = read_discovered(folder / "parts/discovered.json")
    assert all(why in each["why"] for each in found)
    assert read_table(folder / "hits.tsv", AGAIN) == []
    assert (folder / "hits.bed").read_text() == ""


def test_without_tf_modisco_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match=r"make motifs.*motifs.discover: false") as caught:
        Tools.find(tmp_path / "python", tmp_path)
    assert "\n" not in str(caught.value)
    # This interpreter is one that lacks it.
    tools = Tools.find(Path(sys.executable), tmp_path / "cache")
    with pytest.raises(SeqcastError, match=r"modisco-lite.*make motifs") as caught:
        tools.read_versions()
    assert "\n" not in str(caught.value)


def test_nothing_to_look_for_is_refused() -> None:
    with pytest.raises(SeqcastError, match=r"motifs: .*name motifs.database"):
        read_settings({"motifs": {"discover": False}})


def test_arrays_that_are_not_those_listed_are_refused(tmp_path: Path) -> None:
    path = write_explain(tmp_path, [Planted("one", [("chr1", 0)], [])])
    (arrays,) = read_arrays(path)
    codes, contributions = arrays.read()
    assert codes.shape == contributions.shape == (1, WIDTH)
    arrays.paths[1].write_bytes(b"other")
    with pytest.raises(SeqcastError, match=r"attr.npz: is not the file.*explain.* again"):
        arrays.read()
    path.write_text("{}")
    with pytest.raises(SeqcastError, match=r"run `snakemake explain` again"):
        read_arrays(path)


ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_tf_modisco_finds_what_is_planted_and_the_same_again(tmp_path: Path) -> None:
    python = ROOT / ".venv-motifs/bin/python"
    if not python.is_file():
        pytest.skip("TF-MoDISco is not installed: make motifs")
    planted = {"CTCF": CTCF, "TATA": TATA, "REST": "TTCAGCACCATGGACAG"}
    rng = np.random.default_rng(1)
    sites = [
        Site(row, 60 + 100 * place, consensus, bool(rng.integers(2)), rng.uniform(0.5, 1.5))
        for row in range(120)
        for place, consensus in enumerate(planted.values())
        if rng.random() < 0.6
    ]
    places = [("chr1", 1_000 * row) for row in range(120)]
    explained = write_explain(tmp_path / "explain", [Planted("one", places, sites, noise=0.05)])
    known = tmp_path / "known.meme"
    others = [Motif("O", "OTHER", from_consensus("ACCTGGTTACGT"))]
    write_meme(
        known, [Motif(name, name, from_consensus(planted[name])) for name in planted] + others
    )
    settings = MotifsSettings(database=str(known))
    tools = Tools.find(python, ROOT / "results/shared/numba")
    folders = [tmp_path / name for name in ("first", "again")]
    for folder in folders:
        parts = folder / "parts"
        parts.mkdir(parents=True)
        discover_all(explained, settings, tools, parts / "discovered.json")
        name_all(explained, parts / "discovered.json", known, tools, folder / "patterns.tsv")
        discovered = Discovered(parts / "discovered.json", folder / "patterns.tsv", known)
        write_hits(explained, parts / "motifs.meme", settings, folder / "motifs.json", discovered)
    first, again = folders
    for file in ("patterns.tsv", "patterns.h5", "motifs.meme", "hits.tsv", "hits.bed"):
        assert (first / file).read_bytes() == (again / file).read_bytes()

    named = {motif.name: motif for motif in read_meme(first / "motifs.meme")}
    assert named.keys() >= planted.keys()
    for row in read_table(first / "patterns.tsv", AGAIN):
        assert row["motif"] == "" or float(row["q"]) < 0.01 or row["name"] not in planted
    hits = pd.read_csv(first / "hits.tsv", sep="\t")
    wanted = {
        (name, 1_000 * site.row + site.start + len(site.consensus) // 2)
        for site in sites
        for name, consensus in planted.items()
        if consensus == site.consensus
    }
    middle = (hits["start"] + hits["end"]) // 2
    found = {
        (name, base + shift)
        for name, base in zip(hits["name"], middle, strict=True)
        for shift in range(-3, 4)
    }
    assert len(wanted & found) > 0.95 * len(wanted)
    is_right = [
        any((name, base + shift) in wanted for shift in range(-3, 4))
        for name, base in zip(hits["name"], middle, strict=True)
        if name in planted
    ]
    assert np.mean(is_right) > 0.95
