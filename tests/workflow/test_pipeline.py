"""The whole chain on tiny simulated data, and what a second run does."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from explained_run import write_explained
from project import TINY, Project
from tiny import read_whole

from seqcast.data import read_dataset
from seqcast.data.predictions import Stitch, read_predictions
from seqcast.data.reference import read_reference
from seqcast.nn.checkpoint import read_card

PROMISED = (
    "dataset/dataset.h5",
    "default/train/model.safetensors",
    "default/train/history.tsv",
    "default/predict/predictions.h5",
    "default/evaluate/metrics.tsv",
    "export/tracks.tsv",
    "report/index.html",
    "run.json",
    "validate/verdict.txt",
    "validate/first_look.png",
    "dataset/truth.h5",
    "dataset/motifs.bed",
    "logs/train/default.log",
)


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_everything_promised_is_there(finished: Project) -> None:
    assert [name for name in PROMISED if not (finished.results / name).stat().st_size] == []


def test_a_second_run_has_nothing_to_do(finished: Project) -> None:
    assert "Nothing to be done" in finished.snakemake("--resources", "gpu=1")


def test_metrics_are_those_of_the_predictions(finished: Project) -> None:
    dataset = read_dataset(finished.results / "dataset/dataset.h5")
    predictions = read_predictions(finished.results / "default/predict/predictions.h5", dataset)
    stitch = Stitch(predictions, dataset)
    truth = read_whole(read_reference(finished.results / "dataset/truth.h5").coverage)
    rows = read_table(finished.results / "default/evaluate/metrics.tsv")
    assert [row["target"] for row in rows] == list(dataset.targets.identifier)
    for index, row in enumerate(rows):
        observed = read_whole(dataset.cells)[stitch.bins, index]
        known = ~np.isnan(observed)
        predicted = stitch.average(predictions.read(index))[known]
        r = np.corrcoef(predicted, observed[known])[0, 1]
        ceiling = np.corrcoef(truth[stitch.bins, index][known], observed[known])[0, 1]
        assert float(row["pearson_r"]) == pytest.approx(r, abs=1e-5)
        assert float(row["ceiling_pearson_r"]) == pytest.approx(ceiling, abs=1e-5)
        assert int(row["bins"]) == known.sum()


def test_tracks_hold_predictions_and_observations(finished: Project) -> None:
    folder = finished.results / "export"
    dataset = read_dataset(finished.results / "dataset/dataset.h5")
    predictions = read_predictions(finished.results / "default/predict/predictions.h5", dataset)
    stitch = Stitch(predictions, dataset)
    rows = read_table(folder / "tracks.tsv")
    assert len({row["file"].lower() for row in rows}) == len(rows) == 20
    assert {row["kind"] for row in rows} == {"observed", "predicted"}
    assert {row["model"] for row in rows} == {"", "default"}
    for row in rows:
        content = (folder / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        index = dataset.targets.identifier.index(row["target"])
        observed = read_whole(dataset.cells)[stitch.bins, index]
        values = observed if row["kind"] == "observed" else stitch.average(predictions.read(index))
        with pyBigWig.open(str(folder / row["file"])) as track:
            assert track.chroms() == {"chrC": 40_000}
            found = track.intervals("chrC")
        assert np.allclose([each[2] for each in found], values[~np.isnan(values)], rtol=1e-6)
    assert (folder / "genome.fa.fai").read_text().startswith("chrC\t40000\t")
    assert (folder / "genome.chrom.sizes").read_text() == "chrC\t40000\n"


def test_the_record_says_what_was_run(finished: Project) -> None:
    record = json.loads((finished.results / "run.json").read_text())
    assert record["config"]["dataset"]["chromosomes"] == TINY["dataset"]["chromosomes"]
    assert record["versions"]["torch"].startswith("2.")
    assert "--resources gpu=1" in record["command"]
    digest = read_dataset(finished.results / "dataset/dataset.h5").digest
    assert record["data"]["dataset"] == digest
    assert record["data"]["predicted_with"] == record["data"]["model"]
    card = read_card(finished.results / "default/train/model.safetensors")
    assert card.training.dataset_digest == digest
    assert card.training.threads == 1


def test_what_is_deleted_or_damaged_is_made_again(finished: Project) -> None:
    report, export = finished.results / "report", finished.results / "export"
    paths = [*report.rglob("*"), *export.iterdir()]
    kept = {path: path.read_bytes() for path in paths if path.is_file()}
    for figure in ("metrics.svg", "window_worst.png"):
        (report / "figures" / figure).unlink()
        assert finished.jobs() == {"report": 1}
    (export / "PolII-like-distal.default.bw").unlink()
    (export / "genome.fa.fai").unlink()
    damaged = export / "CAGE-like-wt-plus.observed.bw"
    damaged.write_bytes(kept[damaged][:500])
    assert finished.jobs("export") == {"repair_tracks": 1, "export": 1}
    assert finished.jobs() == {"repair_tracks": 1, "report": 1}
    finished.snakemake()
    kept.pop(report / "index.html")  # which says when it was made
    assert {path: path.read_bytes() for path in kept} == kept
    assert finished.jobs() == {}


def test_snakemake_report_carries_the_figures(finished: Project) -> None:
    page = finished.folder / "report.html"
    finished.snakemake("--report", str(page))
    text = page.read_text()
    assert "learning_curves.svg" in text
    assert "What to look for" in text or "Look for" in text


def test_snapshots_of_every_epoch_can_be_predicted(throwaway: Project) -> None:
    throwaway.write_config({**TINY, "predict": {"checkpoint": 1, "windows": 1}})
    said = throwaway.snakemake("predict")
    assert "shape (windows, bins, targets): (1, 32, 10)" in said
    folder = throwaway.results / "default/train/snapshots"
    assert sorted(path.name for path in folder.iterdir()) == [
        "model_epoch_1.safetensors",
        "model_epoch_2.safetensors",
    ]


def test_cuda_without_a_gpu_fails_before_any_work(throwaway: Project) -> None:
    throwaway.write_config({**TINY, "train": {"device": "cuda"}})
    words = ("train", "--forcerun", "train_model")
    said = throwaway.snakemake(*words, check=False, CUDA_VISIBLE_DEVICES="")
    assert "error: train.device is cuda, but" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_two_models_side_by_side(throwaway: Project) -> None:
    entry = TINY["models"]["default"]
    throwaway.write_config({**TINY, "models": {"default": entry, "two": entry}})
    assert throwaway.jobs("train") == {"train_model": 1, "train": 1}
    throwaway.snakemake()
    rows = read_table(throwaway.results / "export/tracks.tsv")
    assert {row["model"] for row in rows} == {"", "default", "two"}
    assert (throwaway.results / "report/figures/two.scatter.png").exists()


def test_what_is_explained_is_shown(throwaway: Project) -> None:
    results = throwaway.results
    dataset = read_dataset(results / "dataset" / "dataset.h5")
    summits = {dataset.targets.identifier[1]: [("chrC", 20_000)]}
    write_explained(results / "explain", dataset, summits)
    pages = [results / "export" / "index.html", results / "report" / "index.html"]
    assert not [page for page in pages if "base by base" in page.read_text()]
    throwaway.snakemake()
    assert all("base by base" in page.read_text() for page in pages)
    assert (results / "export" / "contributions.tsv").is_file()
    assert (results / "report" / "figures" / "bases_1.png").is_file()
    shutil.rmtree(results / "explain")
    throwaway.snakemake()
    assert not [page for page in pages if "base by base" in page.read_text()]
    assert "snakemake explain" in pages[1].read_text()
