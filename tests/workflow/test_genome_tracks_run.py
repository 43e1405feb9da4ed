"""Tracks over whole chromosomes and over regions, from the command line."""

from pathlib import Path
from typing import Any

import pybigtools
import pytest
from genomes import LENGTHS, make_codes, write_bed, write_fasta, write_genome
from project import TINY, Project

from seqcast.tracks.table import read_tracks

NETWORK = {
    "network": {"downsample": [[8, 7, 4], [8, 5, 4]], "dilated": [[4, 3, 1, 0.1]]},
    "train": {"epochs": 1, "threads": 1, "max_jitter": 64},
}


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the config of a tiny genome with two tracks and a model of three folds."""
    files = write_genome(tmp_path_factory.mktemp("mine") / "files")
    dataset = files.settings().model_dump(mode="json")
    dataset["split"] = {"folds": 3}
    tracks = {"part": 4096, "shifts": [0, 4]}
    return {
        "run": "mine",
        "dataset": dataset,
        "models": {"default": NETWORK},
        "genome_tracks": tracks,
    }


@pytest.mark.slow
def test_a_genome_is_predicted_part_by_part(project: Project, config: dict[str, Any]) -> None:
    project.write_config(config)
    said = project.snakemake("genome_tracks", "--resources", "gpu=1")
    folder = project.folder / "results/mine/genome_tracks"
    rows = read_tracks(folder / "tracks.tsv")
    assert [row["file"] for row in rows] == [
        "one.observed.bw", "one.default.bw", "two.observed.bw", "two.default.bw",
    ]  # fmt: skip
    with pybigtools.open(str(folder / "one.default.bw")) as file:
        assert file.chroms() == LENGTHS
    assert {path.name for path in folder.glob("parts/*/*")} == {"chr1.h5", "chr2-to-chrM.h5"}
    assert "padded with N, shorter than a window: chrM (1 of 4 contigs)" in said
    assert "for each of 3 trainings, in 2 parts" in said
    for name in ("genome.fa", "genome.fa.fai", "genome.chrom.sizes", "splits.bed", "index.html"):
        assert (folder / name).is_file()
    assert project.jobs("genome_tracks") == {}

    # What browsers call a genome changes pages, not models.
    config["dataset"]["assembly"] = "hg19"
    project.write_config(config)
    pages = {"browse_tracks": 1, "genome_tracks": 1}
    assert project.jobs("genome_tracks") == pages

    # What a stopped run has done stays: tracks that were joined need no parts.
    (folder / "parts/default.f2/chr1.h5").unlink()
    assert project.jobs("genome_tracks") == pages
    (folder / "tracks.tsv").unlink()
    assert project.jobs("genome_tracks") == {"genome_tracks_table": 1, **pages}
    (folder / "tracks/0.tsv").unlink()
    wanted = ("genome_tracks_part", "genome_tracks_join", "genome_tracks_table", *pages)
    assert project.jobs("genome_tracks") == dict.fromkeys(wanted, 1)
    project.snakemake("genome_tracks")

    # Leaving out a contig touches no part but its own.
    config["genome_tracks"]["exclude"] = ["chrM"]
    project.write_config(config)
    said = project.snakemake("genome_tracks")
    assert said.count("chr2-to-chr3 by default") == 3
    assert "chr1 by default" not in said
    with pybigtools.open(str(folder / "one.default.bw")) as file:
        assert set(file.chroms()) == {"chr1", "chr2", "chr3"}


def test_regions_of_another_genome_by_url(
    throwaway: Project, tmp_path: Path, served: tuple[Path, str]
) -> None:
    folder, url = served
    write_fasta(folder / "other.fa.gz", make_codes({"chrX": 900, "chrY": 2000}))
    bed = write_bed(tmp_path / "my.bed", [("chrY", 100, 700), ("chrX", 880, 900)])
    tracks = {"fasta": f"{url}/other.fa.gz"}
    throwaway.write_config({**TINY, "genome_tracks": tracks, "predict": {"regions": str(bed)}})
    throwaway.snakemake("regions", "--resources", "gpu=1")
    results = throwaway.results
    assert len(list(results.parent.glob("shared/download/*/other.fa.gz"))) == 1
    table = (results / "regions/regions.tsv").read_text().splitlines()
    columns = table[0].split("\t")
    assert columns[:4] == ["contig", "start", "end", "name"]
    assert len(columns) == 4 + 10
    assert columns[4] == "ChIP-like-CTCF.default"
    assert [line.split("\t")[0] for line in table[1:]] == ["chrY", "chrX"]
    rows = read_tracks(results / "regions/tracks.tsv")
    assert [row["kind"] for row in rows] == ["predicted"] * 10
    assert not (results / "regions/splits.bed").exists()
    assert throwaway.jobs("regions") == {}

    write_bed(bed, [("chrY", 100, 700), ("chrX", 880, 901)])
    said = throwaway.snakemake("regions", check=False)
    assert "1 of 2 regions cannot be predicted, the first chrX:880-901: chrX ends at 900" in said
    assert "Traceback" not in said


def test_simulated_data_are_a_genome(finished: Project) -> None:
    finished.snakemake("genome_tracks", "--resources", "gpu=1")
    rows = read_tracks(finished.results / "genome_tracks/tracks.tsv")
    assert len(rows) == 20
    assert "chrB\t0" in (finished.results / "genome_tracks/splits.bed").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"genome_tracks": {"fasta": "none.fa"}}, "genome_tracks.fasta: there is no file none.fa"),
        ({"predict": {"regions": "none.bed"}}, "predict.regions: there is no file none.bed"),
    ],
)
def test_files_that_are_not_there_are_named(project: Project, change: dict, words: str) -> None:
    project.write_config({**TINY, **change})
    said = project.snakemake("-n", check=False)
    assert words in said
    assert "Traceback" not in said


def test_windows_without_a_genome_have_no_tracks_over_it(project: Project) -> None:
    (project.folder / "here.h5").touch()
    data = {"source": "basenji_h5", "file": "here.h5"}
    project.write_config({**TINY, "dataset": data})
    said = project.snakemake("genome_tracks", check=False)
    assert "there is no genome to predict" in said
    assert "Traceback" not in said
    # Another genome may be predicted, but no variants be held against it.
    for file in ("my.vcf", "other.fa"):
        (project.folder / file).touch()
    more = {"variants": {"vcf": "my.vcf"}, "genome_tracks": {"fasta": "other.fa"}}
    project.write_config({**TINY, "dataset": data, **more})
    said = project.snakemake("variants", check=False)
    assert "variants: there is no genome to hold their alleles against" in said
    assert "Traceback" not in said
