"""What is explained, where, and the files that come of it."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pybigtools
import pytest
import torch
from tiny import BIN, CROP, LENGTHS, NETWORKS, TARGETS, WINDOW, write_tiny

from seqcast.checkpoint import write_model
from seqcast.dataset import Dataset
from seqcast.errors import SeqcastError
from seqcast.explain import explaining
from seqcast.explain.explaining import explain_member
from seqcast.explain.layout import Layout
from seqcast.explain.regions import (
    Region,
    choose_regions,
    find_explained,
    read_regions,
    write_regions,
)
from seqcast.explain.writing import make_runs, write_explained
from seqcast.nn import Network
from seqcast.predictions import PredictionWriter
from seqcast.settings import ExplainSettings, PredictSettings, TrainSettings

WIDTH, RADIUS = 64, 20
SETTINGS = ExplainSettings(width=WIDTH, radius=RADIUS, most=4, method="gradient")
TRAINING = TrainSettings(device="cpu", threads=1)
PREDICT = PredictSettings(strands="both")


def make_region(contig: str, summit: int, **changes: object) -> Region:
    start = min(max(summit - WIDTH // 2, 0), LENGTHS[contig] - WIDTH)
    region = Region("peaks", contig, start, start + WIDTH, summit, "test", -1, "one")
    return replace(region, **changes)


def write_predictions(path: Path, dataset: Dataset) -> Path:
    """Write predictions of the test windows: what was observed, without gaps."""
    rows = dataset.rows_of("test")
    with PredictionWriter(path, dataset, rows, model="m", checkpoint_digest="") as out:
        for row in rows:
            out.add(np.nan_to_num(dataset.coverage_of(int(row)), nan=1.0)[None])
        out.finish()
    return path


class Run:
    """A tiny run whose models are explained in a folder."""

    def __init__(self, folder: Path, members: tuple[str, ...] = ("default",)) -> None:
        self.folder, self.members = folder, members
        folder.mkdir(parents=True, exist_ok=True)
        self.dataset = write_tiny(folder / "dataset.h5")
        self.regions = folder / "parts/regions.tsv"
        for seed, name in enumerate(members):
            torch.manual_seed(seed)
            network = Network(NETWORKS["pooled"], TARGETS, CROP)
            write_model(folder / f"{name}.safetensors", network, {})

    def choose(self, settings: ExplainSettings = SETTINGS, bed: Path | None = None) -> list[Region]:
        paths = [] if bed else [write_predictions(self.folder / "p.h5", self.dataset)]
        choose_regions(settings, self.dataset.path, paths, self.regions, bed=bed)
        return read_regions(self.regions)

    def list_of(self, name: str) -> Path:
        return self.folder / "parts" / name / "parts.json"

    def explain(self, settings: ExplainSettings = SETTINGS) -> None:
        for name in self.members:
            explain_member(
                settings, PREDICT, TRAINING, self.folder / f"{name}.safetensors",
                self.dataset.path, self.regions, self.list_of(name), name=name,
            )  # fmt: skip

    def join(self, settings: ExplainSettings = SETTINGS) -> dict:
        output = self.folder / "explain/explain.json"
        output.parent.mkdir(exist_ok=True)
        lists = {name: self.list_of(name) for name in self.members}
        write_explained(output, self.dataset.path, self.regions, {"default": lists}, settings)
        return json.loads(output.read_text())

    def read_summary(self) -> list[dict[str, str]]:
        with open(self.folder / "explain/summary.tsv", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))
