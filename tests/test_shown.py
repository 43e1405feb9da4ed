"""What the browser pages show first: places with tracks, the best model, targets in order."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import TARGETS

from seqcast.data import Dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.tracks.browser.shown import ResultFiles, Shown, find_shown

SIZES = "chr1\t1000\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "export").mkdir()
    (tmp_path / "export/genome.chrom.sizes").write_text(SIZES)
    return tmp_path / "export"


def find(folder: Path, dataset: Dataset, **options: object) -> Shown:
    """Find what to show of two models, of which `b` is the better."""
    rows = np.arange(len(dataset.windows))
    chroms, starts, ends = dataset.intervals_of(rows)
    models = {}
    for place, model in enumerate("ab"):
        kinds = ("metrics", "windows", "predictions")
        files = ResultFiles(*(folder.parent / f"{model}.{kind}" for kind in kinds))
        models[model] = files
        scores = np.array([0.2, math.nan, 0.3]) + place / 2
        pd.DataFrame({"target": TARGETS.identifier, "pearson_r_log1p": scores}).to_csv(
            files.metrics, sep="\t", index=False
        )
        r = (rows + 1) / 100
        table = {"place": rows, "contig": chroms, "start": starts, "end": ends, "pearson_r": r}
        pd.DataFrame(table).to_csv(files.windows, sep="\t", index=False)
        with PredictionWriter(
            files.predictions, dataset, rows, model=model, checkpoint_digest="0"
        ) as writer:
            writer.add(np.ones((len(rows), dataset.output_bins, len(dataset.targets))))
            writer.finish()
    return find_shown(folder, dataset, models, **options)


def test_the_best_model_and_target_come_first(folder: Path, tiny_dataset: Dataset) -> None:
    shown = find(folder, tiny_dataset)
    first, unknown, best = TARGETS.identifier
    assert shown.models == ("b", "a")
    assert shown.targets == [best, first, unknown]


def test_only_places_with_tracks_are_shown(folder: Path, tiny_dataset: Dataset) -> None:
    chroms = set(tiny_dataset.intervals_of(np.arange(len(tiny_dataset.windows)))[0])
    assert chroms > {"chr1"}
    shown = find(folder, tiny_dataset, own=["mine=chr1:1-100", "other=chr2:1-100"])
    assert {locus.chrom for locus in shown.loci} == {"chr1"}
    assert shown.loci[0].name == "mine"


def test_a_place_without_tracks_is_warned_of(
    folder: Path, tiny_dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    shown = find(folder, tiny_dataset, own=["chr7:1-100", "chr1:900-1001"])
    assert shown.loci[0].name != "chr7:1-100"
    assert "these tracks have no contig 'chr7'" in caplog.text
    assert "the length of chr1" in caplog.text


def test_windows_say_nothing_of_another_genome(folder: Path, tiny_dataset: Dataset) -> None:
    shown = find(folder, tiny_dataset, is_own_genome=False)
    (only,) = shown.loci
    assert (only.chrom, only.start, only.end) == ("chr1", 0, min(1000, tiny_dataset.window))


def test_regions_are_places(folder: Path, tiny_dataset: Dataset) -> None:
    (folder / "regions.tsv").write_text(
        "contig\tstart\tend\tname\tx\nchr1\t10\t20\tNA\t1\nchr1\t30\t40\t\t\n"
    )
    loci = find(folder, tiny_dataset).loci
    assert [(locus.name, locus.start, locus.end) for locus in loci[:2]] == [
        ("NA", 10, 20),
        ("region 2", 30, 40),
    ]


def test_of_regions_only_these_and_places_in_them_are_shown(
    folder: Path, tiny_dataset: Dataset
) -> None:
    (folder / "regions.tsv").write_text("contig\tstart\tend\tname\tx\nchr1\t100\t200\tgal1\t1\n")
    shown = find(folder, tiny_dataset, own=["in=chr1:150-160", "out=chr1:201-300"])
    assert [locus.name for locus in shown.loci] == ["gal1", "in"]
