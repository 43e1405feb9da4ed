"""Which files a source names, and where they lie."""

from pathlib import Path

import pytest

from seqcast.core.errors import SeqcastError
from seqcast.settings import (
    File,
    RunFiles,
    SourceFiles,
    find_path,
    find_run_files,
    read_settings,
)

SHA = "0" * 64


def test_files_of_each_source(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text(f"identifier\tfile\tsha256\na\thttps://h/a.bw\t{SHA}\nb\tb.bw\t\n")
    genome = {
        "source": "genome",
        "fasta": "https://h/g.fa.gz",
        "targets": str(table),
        "split": {"folds": 3},
        "mask": "m.bed",
    }
    settings = read_settings({"dataset": genome}).dataset
    assert [file.location for file in settings.find_files().data] == [
        "https://h/g.fa.gz",
        "m.bed",
        "https://h/a.bw",
        str(tmp_path / "b.bw"),
    ]
    assert settings.find_files().data[2].sha256 == SHA
    assert not settings.find_files().has_replicates
    assert read_settings({}).dataset.find_files() == SourceFiles()
    basenji = read_settings({"dataset": {"source": "basenji_h5", "file": "a.h5", "bytes": 7}})
    assert basenji.dataset.find_files().data == (File("a.h5", None, 7),)


def test_downloads_have_the_folders_of_their_urls() -> None:
    assert find_path("own/x.bw", "down") == Path("own/x.bw")
    assert find_path("https://h/b/y.bw", "down") == Path("down/h/b/y.bw")
    assert find_path("ftp://me:secret@h:80/b/../x.bw", "down") == Path("down/h-80/b/x.bw")
    assert find_path("https://h", "down") == Path("down/h/download")
    assert find_path("https://h/a{b}%20c.bw", "d") == Path("d/h/a%7Bb%7D%20c.bw")
    signed = [find_path(f"https://h/a/seq.h5?sign={k}", "d") for k in ("x" * 2000, "y")]
    assert {path.name for path in signed} == {"seq.h5"}
    assert len({*signed, find_path("https://h/a/seq.h5", "d")}) == 3


def test_files_of_a_run(tmp_path: Path) -> None:
    own = tmp_path / "own.fa"
    own.write_text(">a\nA\n")
    table = tmp_path / "t.tsv"
    table.write_text("identifier\tfile\na\thttps://h/a.bw\n")
    config = {
        "dataset": {
            "source": "genome",
            "fasta": str(own),
            "targets": str(table),
            "split": {"folds": 3},
        },
        "genome_tracks": {"fasta": "https://h/other.fa.gz"},
        "browse": {"annotation": ["https://h/genes.bed"]},
        "predict": {"checkpoint": "results/other/model.safetensors"},
    }

    def find(**changes: dict) -> RunFiles:
        return find_run_files(read_settings(config | changes), "down", made=("results/other",))

    files = find()
    assert files.source == (str(own), "down/h/a.bw")
    assert files.table == str(table)
    assert files.tracks_genome == files.other_genome == "down/h/other.fa.gz"
    assert files.annotation == ("down/h/genes.bed",)
    assert files.checkpoint == "results/other/model.safetensors"
    assert files.downloads["down/h/genes.bed"].named_by == "browse.annotation"
    assert sorted(files.downloads) == ["down/h/a.bw", "down/h/genes.bed", "down/h/other.fa.gz"]
    same = tmp_path / "link.fa"
    same.symlink_to(own)
    # The same genome by another name.
    assert find(genome_tracks={"fasta": str(same)}).other_genome == ""
    with pytest.raises(SeqcastError, match=r"predict\.regions: there is no file mine\.bed"):
        find(predict={"regions": "mine.bed"})
    braces = tmp_path / "{a}.fa"
    braces.write_text(">a\nA\n")
    with pytest.raises(SeqcastError, match=r"genome_tracks.fasta: Snakemake takes braces in .*\{a"):
        find(genome_tracks={"fasta": str(braces)})


def test_known_variants_lie_in_a_simulated_run(tmp_path: Path) -> None:
    settings = {"run": "mine", "variants": {"vcf": "simulated"}}
    made = ("results/mine",)
    found = find_run_files(read_settings(settings), "down", made=made)
    assert found.variants == "results/mine/dataset/variants.vcf"
    (tmp_path / "own.h5").touch()
    basenji = {"dataset": {"source": "basenji_h5", "file": str(tmp_path / "own.h5")}}
    with pytest.raises(SeqcastError, match=r"variants\.vcf: `simulated` .* is basenji_h5; name a"):
        find_run_files(read_settings(settings | basenji), "down", made=made)


def test_what_runs_share_is_no_run() -> None:
    with pytest.raises(SeqcastError, match="run: 'shared' is where downloads lie"):
        read_settings({"run": "shared"})
