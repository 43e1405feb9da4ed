"""A genome of one's own: from FASTA and bigWigs to tracks; several models, replicates, folds."""

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import pytest
import yaml
from broken_files import find_data
from genomes import LENGTHS, write_genome
from project import ROOT, Project

from seqcast.data import read_dataset
from seqcast.data.predictions import read_predictions

NETWORK = {
    "network": {"downsample": [[8, 7, 4], [8, 5, 4]], "dilated": [[4, 3, 1, 0.1]]},
    "train": {"epochs": 2, "threads": 1, "max_jitter": 64},
}
UCSC = "https://hgdownload.soe.ucsc.edu/goldenPath/sacCer3/bigZips"
GITHUB = "https://raw.githubusercontent.com/js2264/tidyCoverage/"


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the config of a tiny genome with two tracks, one with a replicate, and a mask."""
    folder = tmp_path_factory.mktemp("mine") / "files"
    columns = {"one": {"replicate": "two.bw", "description": "ATAC-seq"}}
    files = write_genome(folder, mask=[("chr3", 100, 180), ("chrZ", 1, 2)], columns=columns)
    dataset = files.settings().model_dump(mode="json")
    return {"run": "mine", "dataset": dataset, "models": {"default": NETWORK}}


def test_a_genome_ends_in_tracks(project: Project, config: dict[str, Any]) -> None:
    config["models"] = {"twice": {**NETWORK, "preset": "course", "replicates": 2}}
    config |= {"evaluate": {"baselines": ["kmers"]}, "export": {"residual": True}}
    project.write_config(config)
    folder = Path(config["dataset"]["fasta"]).parent
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert project.jobs("train") == {
        "validate_source": 1, "dataset": 1, "train_model": 2, "train": 1,
    }  # fmt: skip
    project.snakemake("--resources", "gpu=1")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    # Content counts, and no date: a table that lies in the repository is new after each checkout.
    for path in folder.iterdir():
        path.touch()
    assert project.jobs() == {}
    results = project.folder / "results/mine"
    rows = read_table(results / "export/tracks.tsv")
    kinds = {("", "observed"), *(("twice", kind) for kind in ("predicted", "residual", "spread"))}
    assert {(row["model"], row["kind"]) for row in rows} == kinds
    assert len(rows) == 2 * len(kinds)
    for name in ("baseline.kmers", "twice", "twice.r2"):
        metrics = read_table(results / name / "evaluate/metrics.tsv")
        assert [row["target"] for row in metrics] == ["one", "two"]
        assert metrics[0]["ceiling_from"] == "replicates"
    page = (results / "report/index.html").read_text()
    assert all(name in page for name in ("twice.r1", "kmers"))
    check_observed_track(results / "export/one.observed.bw", folder / "one.bw")
    # A file that takes another's place, of another size, older than all that was made of it.
    shutil.copy(folder / "two.bw", folder / "one.bw")
    os.utime(folder / "one.bw", (1, 1))
    jobs = project.jobs("train")
    assert jobs == {"validate_source": 1, "dataset": 1, "train_model": 2, "train": 1}


def check_observed_track(track: Path, source: Path) -> None:
    """Hold a track against the file that it was read from: bin means, but in the mask."""
    length = LENGTHS["chr3"] // 16 * 16
    with pyBigWig.open(str(source)) as file:
        wanted = file.values("chr3", 0, length, numpy=True).reshape(-1, 16).mean(axis=1)
    with pyBigWig.open(str(track)) as file:
        found = file.values("chr3", 0, length, numpy=True).reshape(-1, 16)[:, 0]
    masked = np.zeros(length // 16, dtype=bool)
    masked[100 // 16 : -(-180 // 16)] = True
    masked[2] = True  # mostly N
    assert np.isnan(found[masked]).all()
    assert np.allclose(found[~masked], wanted[~masked], rtol=1e-6)


@pytest.mark.slow
def test_folds_of_blocks_cover_a_genome_of_one_contig(
    project: Project, config: dict[str, Any]
) -> None:
    files = write_genome(project.folder / "one", {"chr1": 8192})
    config["dataset"] |= {"fasta": str(files.fasta), "targets": str(files.table), "mask": []}
    config["dataset"]["split"] = {"folds": 3, "blocks": 1024, "gap": 128}
    config["models"]["default"] = {**NETWORK, "replicates": 2}
    project.write_config(config)
    assert project.jobs("predict")["train_model"] == 6
    project.snakemake("--resources", "gpu=1")
    results = project.folder / "results/mine"
    predictions = read_predictions(results / "default/predict/predictions.h5")
    dataset = read_dataset(results / "dataset/dataset.h5")
    assert predictions.rows.tolist() == list(range(len(dataset.windows)))
    assert set(predictions.contig) == {"chr1"}
    for fold in range(3):
        member = read_predictions(results / f"default.f{fold + 1}.r2/predict/predictions.h5")
        tested = read_dataset(dataset.path, fold).rows_of("test")
        assert member.rows.tolist() == tested.tolist()
    # What was held out when is said, region by region, in the browser, the verdict and the report.
    lines = (results / "export/splits.bed").read_text().splitlines()
    regions = [line.split("\t")[1:4] for line in lines]
    assert {name for *_, name in regions} == {f"test_in_fold_{fold}" for fold in (1, 2, 3)}
    for (start, end, _), region in zip(regions, dataset.regions, strict=True):
        assert region["start"] <= int(start) < int(end) <= region["end"]
    first = f"chr1:1-{dataset.regions['end'][0]:,}"
    assert first in (results / "validate/verdict.txt").read_text()
    assert first in (results / "report/index.html").read_text()
    for row in read_table(results / "default/evaluate/metrics.tsv"):
        assert (
            float(row["pearson_r_low"]) <= float(row["pearson_r"]) <= float(row["pearson_r_high"])
        )


def test_suggestions_make_a_table(project: Project, config: dict[str, Any]) -> None:
    project.write_config(config)
    said = project.snakemake("suggest")
    rows = read_table(project.folder / "results/mine/suggest/targets.tsv")
    assert all(float(row["scale"]) > 0 and float(row["clip"]) > 1 for row in rows)
    assert rows[0]["clip"] in said
    # Put in place of the user's own, it is what the dataset is made from.
    table = Path(config["dataset"]["targets"])
    shutil.copy(project.folder / "results/mine/suggest/targets.tsv", table)
    project.snakemake("dataset")
    dataset = read_dataset(project.folder / "results/mine/dataset/dataset.h5")
    assert [f"{scale:g}" for scale in dataset.targets.scale] == [row["scale"] for row in rows]
    assert [f"{clip:g}" for clip in dataset.targets.clip] == [row["clip"] for row in rows]


def test_a_wrong_assembly_stops_before_any_work(project: Project, config: dict[str, Any]) -> None:
    other = write_genome(project.folder / "other", {"chr1": 4000, "chr2": 2100, "chr3": 1777})
    config["dataset"]["fasta"] = str(other.fasta)
    project.write_config(config)
    said = project.snakemake("--resources", "gpu=1", check=False)
    assert "4,000" in said
    assert "4,096" in said
    assert "Traceback" not in said
    assert not (project.folder / "results/mine/dataset/dataset.h5").exists()


def test_a_missing_track_is_named_before_any_job(project: Project, config: dict[str, Any]) -> None:
    Path(config["dataset"]["fasta"]).with_name("two.bw").unlink()
    project.write_config(config)
    said = project.snakemake("-n", check=False)
    assert "there is no file" in said
    assert "two.bw" in said


@pytest.mark.slow
def test_yeast_just_works(project: Project, served: tuple[Path, str]) -> None:
    """Real tracks that lack thirteen chromosomes and call the others by other names."""
    folder, url = served
    data = find_data("yeast/sacCer3.fa.gz").parent
    shutil.copy(data / "sacCer3.fa.gz", folder)
    shutil.copytree(data / "tidycoverage", folder, dirs_exist_ok=True)
    table = (ROOT / "config/yeast.tsv").read_text()
    start = table.index(GITHUB)
    commit = table[start : table.index("/MNase.bw")]
    (project.folder / "config/yeast.tsv").write_text(table.replace(commit, url))
    text = (ROOT / "config/yeast.yaml").read_text().replace(UCSC, url)
    assert text.count(url) == 1
    config = yaml.safe_load(text)
    config["dataset"] |= {"window": 32768, "stride": 32768}
    config["models"] = {
        "default": {
            "network": {"downsample": [[8, 11, 4], [8, 7, 4], [12, 9, 8]], "dilated": [[8, 3, 1]]},
            "train": {"epochs": 1, "threads": 1},
        }
    }
    project.write_config(config)
    project.snakemake("--resources", "gpu=1")
    results = project.folder / "results/yeast"
    dataset = read_dataset(results / "dataset/dataset.h5")
    assert dataset.contigs.name == ("chrII", "chrIV", "chrXVI")
    verdict = (results / "validate/verdict.txt").read_text()
    assert "chrIII" in verdict
    assert "14" in verdict
    assert len(read_table(results / "export/tracks.tsv")) == 10
    assert project.jobs() == {}
