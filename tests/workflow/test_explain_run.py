"""Which bases matter, from the command line."""

import csv
import json

import numpy as np
from project import TINY, Project

EXPLAIN = {"most": 2, "width": 256, "method": "gradient"}
JOBS = ("explain_regions", "explain_member", "explain_join", "explain")


def test_peaks_of_all_targets_are_explained(throwaway: Project) -> None:
    throwaway.write_config({**TINY, "explain": EXPLAIN})
    assert throwaway.jobs("explain") == dict.fromkeys(JOBS, 1)
    throwaway.snakemake("explain", "--resources", "gpu=1")
    folder = throwaway.results / "explain"
    said = json.loads((folder / "explain.json").read_text())
    assert len(said["targets"]) == 10
    assert all((folder / each["file"]).is_file() for each in said["files"])
    with open(folder / "summary.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["split"] for row in rows} == {"test"}
    assert {row["contig"] for row in rows} == {"chrC"}
    beds = (folder / "regions.bed").read_text().splitlines()
    assert [line.split("\t")[3] for line in beds] == [row["name"] for row in rows]
    attr = np.load(folder / "ChIP-like-CTCF.default.attr.npz")["arr_0"]
    assert attr.shape[1:] == (4, 256)
    assert throwaway.jobs("explain") == {}
    # The pages show it.
    assert throwaway.jobs() == {"browse_tracks": 1, "report": 1}

    # Other regions: nothing is trained or predicted again.
    bed = throwaway.folder / "my.bed"
    bed.write_text("C\t5000\t5200\nchrA\t50000\t50400\n")
    asked = {**EXPLAIN, "regions": "my.bed", "targets": ["ChIP-like:CTCF"]}
    throwaway.write_config({**TINY, "explain": asked})
    assert throwaway.jobs("explain") == dict.fromkeys(JOBS, 1)
    throwaway.snakemake("explain", "--resources", "gpu=1")
    with open(folder / "summary.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["contig"], row["split"]) for row in rows] == [("chrC", "test"), ("chrA", "train")]
    assert len(list(folder.glob("*.bw"))) == 1


def test_what_is_asked_for_in_vain_is_said(throwaway: Project) -> None:
    throwaway.write_config({**TINY, "explain": {"targets": ["ChIP-like:CTFC"]}})
    said = throwaway.snakemake("explain", "--resources", "gpu=1", check=False)
    assert "there is no target 'ChIP-like:CTFC' (did you mean 'ChIP-like:CTCF'?)" in said
    assert "Traceback" not in said
    throwaway.write_config({**TINY, "explain": {"regions": "none.bed"}})
    said = throwaway.snakemake("-n", check=False)
    assert "explain.regions: there is no file none.bed" in said
