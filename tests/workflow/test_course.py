"""Data in the course's schema: downloaded and faulty, real yeast, real human with a crop."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from broken_files import BINS, HG38, WINDOW, YEAST, find_data, make_arrays, write_file
from project import ROOT, TINY, Project
from tiny import read_whole

from seqcast.data import read_dataset


def mean_of(project: Project, run: str, column: str) -> float:
    with open(project.folder / f"results/{run}/default/evaluate/metrics.tsv", newline="") as file:
        return float(np.mean([float(row[column]) for row in csv.DictReader(file, delimiter="\t")]))


def test_course_config_survives_a_faulty_download(
    project: Project, served: tuple[Path, str]
) -> None:
    """What config/course.yaml says must hold for a file that nobody here has seen inside."""
    folder, url = served
    arrays = make_arrays()
    arrays["train_out"][0, 3, 1] = np.inf
    arrays["train_in"][5] = arrays["test_in"][2]  # a training window that is held out too
    path = write_file(folder / "seq.h5", arrays)
    config = yaml.safe_load((ROOT / "config/course.yaml").read_text())
    config["dataset"] |= {"file": f"{url}/seq.h5", "bytes": path.stat().st_size}
    config |= {"models": TINY["models"], "evaluate": {"baselines": []}}
    project.write_config(config)
    project.snakemake("--resources", "gpu=1")
    results = project.folder / "results/course"
    assert next(results.parent.glob("shared/download/*/seq.h5")).read_bytes() == path.read_bytes()
    dataset = read_dataset(results / "dataset/dataset.h5")
    assert len(dataset.rows_of("train")) == len(arrays["train_in"]) - 1
    assert np.isnan(read_whole(dataset.cells)).sum() == 1
    verdict = (results / "validate/verdict.txt").read_text()
    assert "verdict: fit for training" in verdict
    source = json.loads((results / "run.json").read_text())["data"]["source"]
    assert len(source["sha256"]) == 64
    assert "stand-in" in source["assembly"]
    sizes = (results / "export/genome.chrom.sizes").read_text().split()
    assert sizes[:2] == ["test_0000", str(WINDOW)]
    assert dataset.output_bins == BINS


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("values", ("train_out", "NaN", "on_bad", "train 5 and test 2", "on_duplicate")),
        ("cut", ("seq.h5", "again")),
    ],
)
def test_faulty_files_are_refused_without_a_traceback(
    project: Project, fault: str, words: tuple[str, ...]
) -> None:
    arrays = make_arrays()
    if fault == "values":
        arrays["train_out"][0, 3, 1] = np.nan
        arrays["train_in"][5] = arrays["test_in"][2]
    path = write_file(project.folder / "seq.h5", arrays)
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    data = {"source": "basenji_h5", "file": "seq.h5"}
    project.write_config({**TINY, "dataset": data})
    said = project.snakemake("train", check=False)
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert not (project.results / "validate/validation.json").exists()


def run_course(project: Project, name: str, file: str, train: dict, **dataset: object) -> None:
    data = {"source": "basenji_h5", "file": str(find_data(file)), **dataset}
    models = {"default": {"preset": "course", "train": {"threads": 2, **train}}}
    project.write_config({"run": name, "dataset": data, "models": models})
    project.snakemake("--resources", "gpu=1")


@pytest.mark.slow
def test_yeast_is_learned_in_three_epochs(project: Project) -> None:
    run_course(project, "yeast", YEAST, {"epochs": 3}, scale="mean", window=16_384)
    assert mean_of(project, "yeast", "pearson_r") >= 0.28
    assert mean_of(project, "yeast", "pearson_r_log1p") >= 0.36


# Cropped human data are of the same window, and in the ordinary part.
@pytest.mark.slow
def test_yeast_runs_at_the_full_window(project: Project) -> None:
    run_course(project, "yeast", YEAST, {"epochs": 1}, ratio=6)
    assert read_dataset(project.folder / "results/yeast/dataset/dataset.h5").window == 131_072
    assert np.isfinite(mean_of(project, "yeast", "pearson_r"))


@pytest.mark.slow
def test_cropped_human_data_runs(project: Project) -> None:
    run_course(project, "human", HG38, {"epochs": 1}, ratio=3)
    dataset = read_dataset(project.folder / "results/human/dataset/dataset.h5")
    assert (dataset.crop, dataset.output_bins, len(dataset.targets)) == (256, 512, 74)
    assert (project.folder / "results/human/report/index.html").stat().st_size < 5_000_000
