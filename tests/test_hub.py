"""A hub follows UCSC's rules, and other readers find in it what was written."""

import re
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import py2bit
import pybigtools
import pyBigWig
import pyfaidx
import pytest
from chromium import OBSERVED_RGB, PREDICTED_RGB, Visit, count_pixels, rgb
from hypothesis import given
from hypothesis import strategies as st
from shown_tracks import CONTIG, LENGTH, OTHER, check_picture, open_in_igv_js, write_shown

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import decode
from seqcast.tracks.browser.bigbed import write_bigbed
from seqcast.tracks.browser.hub import write_hub
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.twobit import write_twobit
from seqcast.tracks.browser.view import View
from seqcast.tracks.table import write_tracks

HUB = {"hub", "shortLabel", "longLabel", "useOneFile", "email"}
ASSEMBLY = {"genome", "twoBitPath", "organism", "defaultPos"}
TRACK = {"track", "type", "shortLabel", "longLabel"}
# Settings of UCSC's definition that a hub of ours may use.
KNOWN = TRACK | {
    *("aggregate", "alwaysZero", "autoScale", "bigDataUrl", "color", "container", "itemRgb"),
    *("maxHeightPixels", "parent", "priority", "showSubtrackColorOnUi", "viewLimits"),
    *("visibility", "windowingFunction"),
}
LOCUS = Locus("first", CONTIG, 1000, 3000)


def read_hub(path: Path) -> list[dict[str, str]]:
    """Read stanzas as UCSC does: blank lines part them, a backslash joins a line to the next."""
    text = path.read_text(encoding="ascii")
    assert "\\\n" not in text
    stanzas = []
    for block in re.split(r"\n\s*\n", text.strip()):
        pairs = [line.split(" ", 1) for line in block.splitlines()]
        assert all(len(pair) == 2 and pair[1].strip() for pair in pairs)
        assert len({key for key, _ in pairs}) == len(pairs)
        stanzas.append(dict(pairs))
    return stanzas


def check_hub(path: Path) -> tuple[dict[str, str], dict[str, str], list[dict[str, str]]]:
    """Check what UCSC's `hubCheck` does, of what can be in a hub of ours."""
    hub, genome, *tracks = read_hub(path)
    assert set(hub) >= HUB
    assert hub["useOneFile"] == "on"
    assert re.fullmatch(r"[A-Za-z0-9_]+", hub["hub"])
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", genome["genome"])
    assert set(genome) == {"genome"} or set(genome) >= ASSEMBLY
    names = [track["track"].lower() for track in tracks]
    assert len(set(names)) == len(names)
    by_name = {track["track"]: track for track in tracks}
    children: dict[str, int] = {}
    for track in tracks:
        check_track(path.parent, track)
        if "parent" in track:
            assert by_name[track["parent"]]["container"] == "multiWig"
            children[track["parent"]] = children.get(track["parent"], 0) + 1
    for name in (name for name, track in by_name.items() if "container" in track):
        assert children[name] > 1
    for stanza in (hub, *tracks):
        assert len(stanza["shortLabel"]) <= 17
        assert len(stanza["longLabel"]) <= 76
        assert not set(stanza["shortLabel"] + stanza["longLabel"]) & set('<>&"\\\t')
    return hub, genome, tracks


def check_track(folder: Path, track: dict[str, str]) -> None:
    assert next(iter(track)) == "track"
    assert set(track) >= TRACK
    assert set(track) <= KNOWN
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", track["track"])
    assert track["type"] in ("bigWig", "bigBed 9")
    assert ("container" in track) != ("bigDataUrl" in track)
    assert ("parent" in track) != ("visibility" in track)
    if "bigDataUrl" in track:
        url = track["bigDataUrl"]
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+", url)
        assert (folder / unquote(url)).is_file()
    if "viewLimits" in track:
        low, high = map(float, track["viewLimits"].split(":"))
        assert low < high


def visible(tracks: list[dict[str, str]]) -> list[str]:
    return [track["track"] for track in tracks if track.get("visibility", "hide") != "hide"]


def test_a_hub_of_its_own_assembly(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    hub, genome, tracks = check_hub(write_hub(View(folder, title="demo", ucsc=None, loci=[LOCUS])))
    assert (hub["hub"], genome["genome"]) == ("demo", "demo")
    assert genome["defaultPos"] == f"{CONTIG}:1001-3000"
    container, observed, predicted = tracks[1:4]
    assert container["aggregate"] == "transparentOverlay"
    assert container["longLabel"] == "strong: observed and predicted, counts"
    assert (observed["color"], predicted["color"]) == (rgb(OBSERVED_RGB), rgb(PREDICTED_RGB))
    assert observed["viewLimits"] == predicted["viewLimits"] == container["viewLimits"]
    assert visible(tracks) == ["splits", "strong", "weak"]
    assert [track["longLabel"] for track in tracks if track.get("visibility") == "hide"] == [
        "weak: spread, counts"
    ]
    assert not list(folder.glob("*.partial*"))


def test_the_genome_is_that_of_the_fasta(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    write_hub(View(folder, title="demo", ucsc=None))
    fasta, twobit = pyfaidx.Fasta(str(folder / "genome.fa")), py2bit.open(f"{folder}/genome.2bit")
    assert twobit.chroms() == {name: len(fasta[name]) for name in fasta.keys()}  # noqa: SIM118
    for name in twobit.chroms():
        assert twobit.sequence(name) == str(fasta[name])


def test_a_known_assembly_needs_no_genome(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    write_hub(View(folder, title="demo", ucsc=None))
    _, genome, _ = check_hub(write_hub(View(folder, title="demo", ucsc="hg19")))
    assert genome == {"genome": "hg19"}
    assert not (folder / "genome.2bit").exists()


def test_a_stand_in_says_so(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    path = write_hub(View(folder, title="a long name " * 9, ucsc="hg19", is_stand_in=True))
    hub, genome, _ = check_hub(path)
    assert hub["longLabel"].endswith("(stand-in contigs, one a window)")
    assert genome["description"] == "stand-in contigs, one a window"
    assert genome["twoBitPath"] == "genome.2bit"


@pytest.mark.parametrize("count", [13, 60])
def test_a_dozen_of_many_targets_is_on(tmp_path: Path, count: int) -> None:
    targets = [f"t{number}" for number in range(count)]
    folder = write_shown(tmp_path, targets)
    scores = {target: float(number) for number, target in enumerate(targets)} | {"t12": np.nan}
    _, _, tracks = check_hub(write_hub(View(folder, title="demo", ucsc="hg19", scores=scores)))
    best = sorted(set(targets) - {"t12"}, key=lambda target: -scores[target])[:12]
    assert visible(tracks) == ["splits", *best]
    assert len([track for track in tracks if "container" in track]) == count


def test_odd_names(tmp_path: Path) -> None:
    targets = ["Größe <b>&\\", "grosse b", "αβγ", "1st", "x" * 200, "a\tb", "splits"]
    folder = write_shown(tmp_path, targets, models=("default", "course"), odd_files=True)
    _, _, tracks = check_hub(write_hub(View(folder, title="<&> 1", ucsc=None)))
    containers = [track for track in tracks if "container" in track]
    assert len(containers) == len(targets)
    assert containers[0]["shortLabel"] == "Grosse (b)+/"
    # A dozen of files with spaces, `#` and `%` in their names is found again.
    assert len([track for track in tracks if "parent" in track]) == 3 * len(targets)
    assert "by course" in tracks[4]["longLabel"]
    assert len({track["color"] for track in tracks[2:5]}) == 3


def test_one_track_a_target_has_no_container(tmp_path: Path) -> None:
    folder = write_shown(tmp_path, kinds=("predicted",))
    _, _, tracks = check_hub(write_hub(View(folder, title="demo", ucsc=None)))
    assert visible(tracks) == ["splits", "strong_default", "weak_default"]


def test_without_splits(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    write_hub(View(folder, title="demo", ucsc=None))
    (folder / "splits.bed").write_text("")
    _, _, tracks = check_hub(write_hub(View(folder, title="demo", ucsc=None)))
    assert tracks[0]["track"] == "strong"
    assert not (folder / "splits.bb").exists()


def test_missing_tracks_are_counted(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    (folder / "weak.default.bw").unlink()
    with pytest.raises(SeqcastError, match=r"1 of 5 tracks .* weak\.default\.bw; run"):
        write_hub(View(folder, title="demo", ucsc=None))
    write_tracks(folder / "tracks.tsv", [])
    with pytest.raises(SeqcastError, match="lists no tracks"):
        write_hub(View(folder, title="demo", ucsc=None))
    assert not (folder / "hub.txt").exists()


def test_splits_are_read_by_others(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    assert write_bigbed(tmp_path / "splits.bb", folder / "splits.bed", {CONTIG: LENGTH})
    fields = struct.unpack_from("<HHQ", (tmp_path / "splits.bb").read_bytes(), 32)
    assert fields == (9, 9, 0)
    wanted = [line.split("\t", 3) for line in (folder / "splits.bed").read_text().splitlines()]
    with pyBigWig.open(str(tmp_path / "splits.bb")) as file:
        found = file.entries(CONTIG, 0, LENGTH)
    assert found == [(int(start), int(end), rest) for _, start, end, rest in wanted]
    with pybigtools.open(str(tmp_path / "splits.bb")) as file:
        assert len(list(file.records(CONTIG))) == len(wanted)


@given(
    contigs=st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=9),
        min_size=1,
        max_size=4,
    )
)
def test_twobit_holds_any_sequence(tmp_path_factory: pytest.TempPathFactory, contigs) -> None:
    path = tmp_path_factory.mktemp("twobit") / "genome.2bit"
    codes = [np.repeat(*np.array(runs).T).astype(np.uint8) for runs in contigs]
    names = [f"contig-{number}" for number in range(len(codes))]
    write_twobit(path, names, iter(codes))
    file = py2bit.open(str(path), True)
    assert file.chroms() == dict(zip(names, map(len, codes), strict=True))
    for name, each in zip(names, codes, strict=True):
        assert file.sequence(name) == decode(each)
        assert file.softMaskedBlocks(name) == []
        assert sum(end - start for start, end in file.hardMaskedBlocks(name)) == (each == 4).sum()


def test_twobit_packs_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqcast.tracks.browser.twobit._PIECE", 8)
    codes = np.random.default_rng(1).integers(0, 5, 101).astype(np.uint8)
    write_twobit(tmp_path / "genome.2bit", ["a"], [codes])
    assert py2bit.open(str(tmp_path / "genome.2bit")).sequence("a") == decode(codes)


def test_twobit_refuses_what_it_cannot_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, codes = tmp_path / "genome.2bit", np.zeros(400, dtype=np.uint8)
    with pytest.raises(SeqcastError, match=r"1 of 2 contigs have names of more than 255 bytes"):
        write_twobit(path, ["a", "ü" * 128], [codes, codes])
    monkeypatch.setattr("seqcast.tracks.browser.twobit._LARGEST_OFFSET", 100)
    with pytest.raises(SeqcastError, match="4 GB"):
        write_twobit(path, ["a", "b"], [codes, codes])
    assert list(tmp_path.iterdir()) == []


def test_igv_js_opens_the_hub(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    folder = write_shown(tmp_path)
    write_hub(View(folder, title="demo", ucsc=None, loci=[LOCUS]))
    seen = open_in_igv_js(folder, "hub.txt", visit)
    tracks = seen.page.evaluate("browser.findTracks(() => true).map(each => each.name)")
    wanted = ["train valid test", "observed strong", "predicted strong", "observed weak"]
    assert set(wanted) < set(tracks)
    assert seen.page.evaluate("browser.genome.chromosomeNames") == [CONTIG, OTHER]
    bases = "browser.genome.getSequence('chr1', 95, 110).then(each => each.toString())"
    assert seen.page.evaluate(bases) == str(pyfaidx.Fasta(f"{folder}/genome.fa")["chr1"][95:110])
    picture = seen.screenshot()
    check_picture(picture)
    assert count_pixels(picture, (204, 121, 167)) > 200
    assert seen.errors == []
