"""JBrowse's configuration names what is there, by addresses that move with the folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from shown_tracks import CONTIG, LENGTH, write_shown

from seqcast.core.errors import SeqcastError
from seqcast.tracks import style
from seqcast.tracks.browser.jbrowse import write_jbrowse
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.view import View

LOCUS = Locus("first", CONTIG, 1000, 31_000)


def find_uris(part: Any) -> Iterator[str]:
    """Yield every address, wherever it stands."""
    if isinstance(part, dict):
        yield from [part["uri"]] if "uri" in part else []
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from find_uris(each)


def read_config(path: Path) -> dict[str, Any]:
    """Check what every configuration keeps to, and return it."""
    config = json.loads(path.read_text(encoding="utf-8"))
    uris = list(find_uris(config))
    assert len(uris) == len(set(uris))
    for uri in uris:
        assert not set(uri) & set(' #?<>&"')
        assert (path.parent / unquote(uri)).is_file()
    (assembly,) = config["assemblies"]
    tracks = {track["trackId"]: track for track in config["tracks"]}
    assert len(tracks) == len(config["tracks"])
    assert all(track["assemblyNames"] == [assembly["name"]] for track in tracks.values())
    displays = [display["displayId"] for track in tracks.values() for display in track["displays"]]
    assert len(set(displays)) == len(displays) == len(tracks)
    (view,) = config["defaultSession"]["views"]
    assert view["init"]["assembly"] == assembly["name"]
    assert set(view["init"]["tracks"]) <= set(tracks)
    assert config["configuration"]["disableAnalytics"] is True
    return config


def test_a_panel_a_target(tmp_path: Path) -> None:
    config = read_config(write_jbrowse(View(write_shown(tmp_path), title="demo", loci=[LOCUS])))
    splits, strong, weak, spread = config["tracks"]
    assert [track["name"] for track in config["tracks"]] == [
        "train, valid, test",
        "strong, counts",
        "weak, counts",
        "weak spread, counts",
    ]
    assert strong["type"] == weak["type"] == "MultiQuantitativeTrack"
    rows = strong["adapter"]["subadapters"]
    assert [(row["source"], row["color"]) for row in rows] == [
        ("observed", style.OBSERVED),
        ("predicted", style.PREDICTED),
    ]
    assert spread["type"] == "QuantitativeTrack"
    assert "'rgb(204,121,167)'" in splits["displays"][0]["renderer"]["color1"]
    view = config["defaultSession"]["views"][0]["init"]
    assert view["loc"] == "chr1:1,001-31,000"
    assert view["tracks"] == ["splits", "panel_1", "panel_2"]


def test_without_a_place_the_first_contig_is_shown(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    (folder / "splits.bed").write_text("")
    config = read_config(write_jbrowse(View(folder, title="demo")))
    view = config["defaultSession"]["views"][0]["init"]
    assert view["loc"] == f"chr1:1-{LENGTH:,}"
    assert view["tracks"] == ["panel_1", "panel_2"]


def test_a_stand_in_says_so(tmp_path: Path) -> None:
    config = read_config(write_jbrowse(View(write_shown(tmp_path), title="demo", is_stand_in=True)))
    title = "demo (stand-in contigs, one a window)"
    assert config["assemblies"][0]["displayName"] == title
    assert config["defaultSession"]["name"] == title


def test_a_dozen_of_many_targets_is_open(tmp_path: Path) -> None:
    folder = write_shown(tmp_path, [f"t{number}" for number in range(60)])
    scores = {f"t{number}": number / 60 for number in range(60)}
    config = read_config(write_jbrowse(View(folder, title="demo", scores=scores)))
    assert len(config["tracks"]) == 61
    assert len(config["defaultSession"]["views"][0]["init"]["tracks"]) == 1 + 12
    assert config["tracks"][1]["name"] == "t59, counts"


def test_odd_names(tmp_path: Path) -> None:
    targets = ["Größe <b>&\"'\\", "αβγ"]
    folder = write_shown(tmp_path, targets, models=("a", "b"), odd_files=True)
    config = read_config(write_jbrowse(View(folder, title="<ü>")))
    assert config["tracks"][1]["name"] == f"{targets[0]}, counts"
    rows = config["tracks"][1]["adapter"]["subadapters"]
    assert [row["source"] for row in rows] == ["observed", "predicted by a", "predicted by b"]


def test_missing_tracks_are_counted(tmp_path: Path) -> None:
    folder = write_shown(tmp_path)
    (folder / "weak.default.bw").unlink()
    with pytest.raises(SeqcastError, match="1 of 5 tracks are not there"):
        write_jbrowse(View(folder, title="demo"))
    assert not (folder / "config.json").exists()
