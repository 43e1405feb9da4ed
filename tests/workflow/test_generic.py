"""The pipeline through `profiles/generic`, with a stand-in for the scheduler."""

import json
import os
import sys

import pytest
from project import TINY, Project

pytestmark = pytest.mark.slow
# What a scheduler's command does: notes how it was called, runs the job, prints a number.
QSUB = """#!{python}
import json, pathlib, subprocess, sys
calls = pathlib.Path("calls.jsonl")
number = len(calls.read_text().splitlines()) + 1 if calls.exists() else 1
with open(calls, "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
with open(f"results/cluster_logs/{{number}}.log", "wb") as log:
    subprocess.Popen(["sh", sys.argv[-1]], stdout=log, stderr=log, start_new_session=True)
print(number)
"""


def submit(project: Project, *words: str, check: bool = True) -> list[list[str]]:
    """Run the profile with a stand-in `qsub`; return how it was called."""
    programs = project.folder / "bin"
    programs.mkdir()
    (programs / "qsub").write_text(QSUB.format(python=sys.executable))
    (programs / "qsub").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    project.snakemake(*words, "--profile", "profiles/generic", check=check, PATH=path)
    lines = (project.folder / "calls.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_jobs_are_submitted_by_the_line_of_the_profile(project: Project) -> None:
    data, train = submit(project, "train", "--seconds-between-status-checks", "1")
    always = ["-terse", "-cwd", "-V", "-N"]
    logs = ["-j", "y", "-o", "results/cluster_logs"]
    name = "seqcast.data_dataset_validate_source"
    assert data[:-1] == [
        *always, name, *logs, "-pe", "smp", "1",
        "-l", "mem_free=8000M", "-l", "h_rt=0:180:0", "-l", "gpu=0",
    ]  # fmt: skip
    assert train[:-1] == [
        *always, "seqcast.train_model", *logs, "-pe", "smp", "8",
        "-l", "mem_free=16000M", "-l", "h_rt=0:240:0", "-l", "gpu=1",
    ]  # fmt: skip
    assert (project.results / "default/train/model.safetensors").stat().st_size
    assert "epoch 2 of 2" in (project.folder / "results/cluster_logs/2.log").read_text()
    assert project.jobs("train") == {}


def test_what_dies_is_submitted_again_and_asks_for_more(project: Project) -> None:
    project.write_config({**TINY, "dataset": {"source": "basenji_h5", "file": "broken.h5"}})
    (project.folder / "broken.h5").write_text("no HDF5")
    words = ("validate_source", "--seconds-between-status-checks", "1")
    calls = submit(project, *words, check=False)
    assert [call[call.index("-l") + 1] for call in calls] == ["mem_free=4000M", "mem_free=8000M"]
