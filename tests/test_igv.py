"""IGV's session holds what is to be shown; IGV itself and igv.js open it."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chromium import OBSERVED_RGB, PREDICTED_RGB, Visit, rgb
from PIL import Image
from shown_tracks import CONTIG, check_picture, open_in_igv_js, write_shown

from seqcast.tracks.browser.igv_session import write_igv_session
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.view import View

LOCUS = Locus("first", CONTIG, 1000, 31_000)
# Set so, IGV asks for nothing outside; without the settings it loads lists and hg19 at its start.
SETTINGS = """IGV.genome.sequence.dir={home}/genomes.tsv
DEFAULT_GENOME_KEY={genome}
MASTER_RESOURCE_FILE_KEY=
PORT_ENABLED=false
AUTO_UPDATE_GENOMES=false
SHOW_GENOME_SERVER_WARNING=false
"""
JAVA = "-Xmx1g -Duser.home={home} -DsocksProxyHost=127.0.0.1 -DsocksProxyPort=9"


def read_session(path: Path) -> tuple[ET.Element, list[ET.Element]]:
    """Check what every session keeps to; return it with its tracks."""
    session = ET.parse(path).getroot()
    assert (session.tag, session.get("version")) == ("Session", "8")
    files = [each.get("path") for each in session.iter("Resource")]
    assert all((path.parent / file).is_file() for file in files)
    tracks = list(session.iter("Track"))
    assert [track.get("id") for track in tracks] == files
    return session, tracks


def test_a_session_shows_observed_and_predicted(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    session, tracks = read_session(write_igv_session(View(folder, ucsc=None, loci=[LOCUS])))
    assert session.get("genome") == "genome.fa"
    assert session.get("locus") == "chr1:1001-31000"
    assert [(track.get("name"), track.get("color")) for track in tracks[:3]] == [
        ("train, valid, test", None),
        ("strong observed", rgb(OBSERVED_RGB)),
        ("strong predicted", rgb(PREDICTED_RGB)),
    ]
    assert [track.get("autoscaleGroup") for track in tracks] == [None, "1", "1", "2", "2"]


def test_the_genome_is_ucscs_where_it_has_a_name(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    session, _ = read_session(write_igv_session(View(folder, ucsc="hg19")))
    assert (session.get("genome"), session.get("locus")) == ("hg19", "All")
    session, tracks = read_session(write_igv_session(View(folder, ucsc="hg19", is_stand_in=True)))
    assert session.get("genome") == "genome.fa"
    assert all("(stand-in contigs, one a window)" in track.get("name", "") for track in tracks)


def test_a_dozen_of_many_targets_is_loaded(tmp_path: Path) -> None:
    folder = write_shown(tmp_path, [f"t{number}" for number in range(60)])
    scores = {f"t{number}": number / 60 for number in range(60)}
    _, tracks = read_session(write_igv_session(View(folder, ucsc=None, scores=scores)))
    assert len(tracks) == 1 + 2 * 12
    assert tracks[1].get("name") == "t59 observed"


def test_odd_names(tmp_path: Path) -> None:
    targets = ["Größe <b>&\"'", "a\tb\x01"]
    folder = write_shown(tmp_path, targets, odd_files=True)
    (folder / "splits.bed").unlink()
    _, tracks = read_session(write_igv_session(View(folder, ucsc=None)))
    assert tracks[0].get("name") == targets[0] + " observed"
    assert tracks[2].get("name") == "a b  observed"


def test_igv_js_opens_the_session(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    folder = write_shown(tmp_path)
    write_igv_session(View(folder, ucsc=None, loci=[LOCUS]))
    seen = open_in_igv_js(folder, "igv_session.xml", visit)
    names = seen.page.evaluate("browser.findTracks(() => true).map(each => each.name)")
    assert {"train, valid, test", "strong observed", "weak predicted"} < set(names)
    assert seen.page.evaluate("browser.currentLoci()") == "chr1:1001-31000"
    check_picture(seen.screenshot())
    assert seen.errors == []


@pytest.mark.slow
def test_igv_opens_the_session(tmp_path: Path) -> None:
    """Takes some five seconds, of which Java needs most to begin."""
    folder = write_shown(tmp_path / "a folder", ["Größe <&>", "weak"], odd_files=True)
    write_igv_session(View(folder, ucsc=None, loci=[LOCUS]))
    log = run_igv(tmp_path, folder, "load igv_session.xml", "snapshot first.png")
    faults = [line for line in log.splitlines() if line.startswith(("SEVERE", "ERROR"))]
    # Whatever the settings, it asks once how to log in to other people's clouds.
    assert [line for line in faults if "OAuth" not in line] == []
    assert log.count("Loading resource:") == 5
    check_picture(np.asarray(Image.open(tmp_path / "first.png").convert("RGB")))


def run_igv(home: Path, folder: Path, *commands: str) -> str:
    """Run commands of a batch in IGV without a screen or a network; return what it logs."""
    programs = [shutil.which(name) for name in ("igv", "xvfb-run", "xauth")]
    if None in programs:
        pytest.skip("no IGV with a screen to draw on (Debian: apt-get install igv xvfb xauth)")
    settings = home / "igv"
    settings.mkdir()
    (home / "genomes.tsv").touch()
    text = SETTINGS.format(home=home, genome=folder / "genome.fa")
    (settings / "prefs.properties").write_text(text)
    batch = home / "batch.txt"
    batch.write_text("\n".join(["new", f"snapshotDirectory {home}", *commands, "exit", ""]))
    call = [
        "xvfb-run", "-a", "-s", "-screen 0 1400x900x24",
        "igv", "--igvDirectory", str(settings), "-b", str(batch),
    ]  # fmt: skip
    done = subprocess.run(
        call,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "JAVA_TOOL_OPTIONS": JAVA.format(home=home),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=True,
    )
    return done.stdout
