"""What the page beside the tracks is told, and what is refused."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from seqcast.core.errors import SeqcastError
from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.settings import steps
from seqcast.tracks import style
from seqcast.tracks.browser import igvjs, options
from seqcast.tracks.browser.annotations import copy_annotations, read_cells
from seqcast.tracks.browser.options import make_annotation_track, make_reference, make_tracks
from seqcast.tracks.browser.page import make_choice, write_browser
from seqcast.tracks.browser.scales import compute_scales
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import find_best, find_ucsc_name
from seqcast.tracks.table import write_tracks


def test_options_are_json_and_ask_no_file() -> None:
    rows = [
        {"file": f"{kind}.bw", "target": "t", "model": model, "kind": kind, "units": "u"}
        for kind, model in (("observed", ""), ("predicted", "m"), ("spread", "m"))
    ]
    tracks = make_tracks(rows, lambda file: f"data:{file}", {"t": (0.0, 9.0)})
    assert json.loads(json.dumps(tracks)) == tracks
    assert [each["url"] for each in tracks] == [f"data:{row['file']}" for row in rows]
    assert [each["name"] for each in tracks] == ["t observed, u", "t predicted, u", "t spread, u"]
    assert tracks[0]["autoscaleGroup"] == tracks[1]["autoscaleGroup"]
    assert tracks[0]["scale"] == tracks[1]["scale"] == [0.0, 9.0]
    assert "autoscaleGroup" not in tracks[2]
    assert (tracks[0]["color"], tracks[1]["color"]) == (style.OBSERVED, style.PREDICTED)


@pytest.mark.parametrize(
    ("contigs", "is_stand_in", "seen"),
    [(1, False, False), (16, False, True), (16, True, False), (40_000, False, False)],
)
def test_only_some_genomes_are_seen_as_a_whole(contigs: int, is_stand_in: bool, seen: bool) -> None:
    reference = make_reference("g", str, contigs, is_stand_in=is_stand_in)
    assert reference["wholeGenomeView"] == reference["showChromosomeWidget"] == seen


def test_few_targets_are_all_on() -> None:
    tracks = [{"target": f"t{n}", "kind": "observed", "model": ""} for n in range(12)]
    choice = make_choice(tracks, {"t3": 0.5})
    assert all(each["on"] for each in choice["targets"])
    assert [each["name"] for each in choice["targets"]][:3] == ["t3", "t0", "t1"]


def test_one_tall_peak_does_not_make_the_scale(tmp_path: Path) -> None:
    values = np.ones(20_000, dtype=np.float32)
    values[777] = 1e6
    sizes = {"chr1": 20_000 * 128}
    write_bigwig(tmp_path / "a.bw", sizes, [Run("chr1", 0, values)], 128)
    write_bigwig(tmp_path / "b.bw", sizes, [Run("chr1", 0, values * 0 - 2)], 128)
    rows = [
        {"file": "a.bw", "target": "t", "kind": "observed"},
        {"file": "b.bw", "target": "t", "kind": "predicted"},
        {"file": "b.bw", "target": "u", "kind": "predicted"},
        {"file": "missing.bw", "target": "t", "kind": "residual"},
    ]
    assert compute_scales(tmp_path, rows) == {"t": (-2.0, 1.0), "u": (-2.0, 1.0)}


def test_a_folder_without_tracks_is_refused(tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.tsv", [])
    with pytest.raises(SeqcastError, match=r"tracks\.tsv: lists no tracks"):
        write_browser(View(tmp_path, title="", loci=[], assembly=""), tmp_path / "none")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["none.bed"], "there is no file .*none.bed"),
        (["reads.bam"], "reads.bam ends in .bam, wanted one of .bed"),
        (["a/g.gtf.gz", "b/g.gtf.gz"], "2 files are called g.gtf.gz"),
        (["broken.bed.gz"], "broken.bed.gz: cannot be read as text"),
    ],
)
def test_bad_annotation_is_told(names: list[str], told: str, tmp_path: Path) -> None:
    for name in ("reads.bam", "a/g.gtf.gz", "b/g.gtf.gz", "broken.bed.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\x1f\x8bno gzip")
    with pytest.raises(SeqcastError, match=told):
        copy_annotations([tmp_path / name for name in names], tmp_path, ["chr1"])


def test_annotation_is_read_as_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "genes.bed.gz"
    path.write_bytes("# c\nchr1\t0\t9\tg\xe9ne\nchr1 5 9 b\n\n".encode("latin-1"))
    assert list(read_cells(path)) == [["chr1", "0", "9", "g\ufffdne"], ["chr1", "5", "9", "b"]]


def test_the_config_knows_the_kinds_that_can_be_shown() -> None:
    assert tuple(options.ANNOTATIONS) == steps.ANNOTATIONS


def test_annotation_of_another_genome_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "genes.bed").write_text("# c\ntrack name=x\n1\t0\t9\n2\t5\t9\n")
    logging.getLogger("seqcast").propagate = True
    assert copy_annotations([tmp_path / "genes.bed"], tmp_path, ["chr1"]) == ["genes.bed"]
    assert "names contigs such as 1, 2, on none of which" in caplog.text
    assert (tmp_path / "annotation" / "genes.bed").is_file()
    caplog.clear()
    copy_annotations([tmp_path / "genes.bed"], tmp_path, ["1"])
    assert caplog.text == ""
    copy_annotations([], tmp_path, ["1"])
    assert not (tmp_path / "annotation").exists()


def test_endings_of_annotation_are_formats() -> None:
    assert make_annotation_track("Genes.GTF.gz", "")["format"] == "gtf"
    assert make_annotation_track("peaks.narrowPeak", "")["format"] == "narrowPeak"


def test_igv_js_is_of_the_pinned_version(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tested, found = igvjs.read_igv_js(), igvjs._GIVES_UP
    assert f'"{igvjs.VERSION}"' in tested
    assert not caplog.records
    # Another version is taken, and so is one that has nothing to be changed in it.
    with monkeypatch.context() as patch:
        patch.setattr(igvjs, "VERSION", "9.9.9")
        assert igvjs.read_igv_js() == tested
    monkeypatch.setattr(igvjs, "_GIVES_UP", "not there")
    assert igvjs.read_igv_js() == tested.replace(igvjs._GOES_ON, found)
    other, unchanged = caplog.messages
    assert "tested is 9.9.9; install the version that goes with" in other
    assert "does not show tracks of more than about 40,000 contigs; install" in unchanged
    monkeypatch.setattr(igvjs, "find_spec", lambda name: None)
    with pytest.raises(SeqcastError, match=r"is not installed; .*pip install igv-notebook=="):
        igvjs.read_igv_js()


@pytest.mark.parametrize(
    ("assembly", "contigs", "name"),
    [
        ("sacCer3", ["chrI"], "sacCer3"),
        ("hg38", ["1", "2"], None),
        ("simulated", ["chr1"], None),
    ],
)
def test_only_assemblies_with_ucscs_names_are_known(
    assembly: str, contigs: list[str], name: str | None
) -> None:
    assert find_ucsc_name(assembly, contigs) == name


def test_the_best_model_has_the_highest_mean_r(tmp_path: Path) -> None:
    for name, values in (("a", "0.9 nan"), ("b", "0.5 0.7"), ("c", "nan nan")):
        rows = "".join(f"t{n}\t{r}\n" for n, r in enumerate(values.split()))
        (tmp_path / name).write_text(f"target\tpearson_r_log1p\n{rows}")
    best, scores = find_best({name: tmp_path / name for name in "bca"})
    assert best == "a"
    assert scores["t0"] == 0.9
