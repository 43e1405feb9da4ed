"""The pipeline as jobs of a real Slurm, through the profile as a user edits it."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from project import TINY, Project, make_project
from safetensors.torch import load_file
from slurm import Slurm

# Without a baseline, which is jobs like any other.
SHORT = {**TINY, "evaluate": {"baselines": []}, "explain": {"most": 1, "width": 256}}
# Here Slurm keeps no accounts; and what takes seconds is to be asked after at once.
HERE = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1")
# Long enough for a training to be stopped in its midst.
LONG = {
    **TINY,
    "dataset": {
        **TINY["dataset"],
        "chromosomes": {"chrA": 900_000, "chrB": 40_100, "chrC": 40_000},
    },
    # Of bfloat16 the sums of several processes soon differ by more than a test can hold them to.
    "train": {"epochs": 24, "device": "cpu", "precision": "float32"},
    "models": {
        "default": {"network": TINY["models"]["default"]["network"], "train": {"threads": 1}}
    },
}


def make_submitting_project(folder: Path, config: dict) -> Project:
    """Return a copy of the project in which a user has edited the profile's two lines."""
    project = make_project(folder, config)
    edit_profile(folder)
    return project


def edit_profile(folder: Path) -> None:
    """Edit the two lines: a partition of this name is there, accounts are not."""
    profile = folder / "profiles/slurm/profile.yaml"
    text = profile.read_text()
    for line in ("  slurm_partition: gpu #", "  slurm_account: mylab #"):
        assert text.count(line) == 1
    profile.write_text(text.replace("  slurm_account: mylab #", "  #"))


@dataclass
class Submitting:
    """A running Snakemake with the profile, and the jobs it submits."""

    project: Project
    slurm: Slurm
    process: subprocess.Popen

    @property
    def said(self) -> str:
        """The end of what it says."""
        return (self.project.folder / "said").read_text()[-6000:]

    @property
    def jobs(self) -> list[dict[str, str]]:
        """The jobs that Slurm was given from this folder, by whatever run."""
        return self.slurm.jobs(self.project.folder)

    def wait_until(self, is_done: Callable[[], bool]) -> None:
        """Wait until something is so; fail where Snakemake ends before."""
        end = time.monotonic() + 900
        while not is_done():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.2)

    def finish(self) -> list[dict[str, str]]:
        """Wait for its end; return the jobs."""
        assert self.process.wait(900) == 0, self.said
        return self.jobs

    def interrupt(self) -> None:
        """Press Ctrl-C, which the plugin passes on to jobs that it isn't just asking after."""
        with self.slurm.answer_at_once():
            self.process.send_signal(signal.SIGINT)
            self.process.wait(900)


# What a test that failed leaves running is ended with the others.
STARTED: list[Submitting] = []


def submit(project: Project, slurm: Slurm, *words: str) -> Submitting:
    """Start Snakemake with the profile, in a group of its own, as a shell does."""
    command = [sys.executable, "-m", "snakemake", *words, "--profile", "profiles/slurm", *HERE]
    with open(project.folder / "said", "wb") as said:
        process = subprocess.Popen(
            [*command, "--configfile", str(project.config)],
            cwd=project.folder,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "OMP_WAIT_POLICY": "PASSIVE",
                **slurm.environment,
            },
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    STARTED.append(Submitting(project, slurm, process))
    return STARTED[-1]


def find_request(project: Project, slurm: Slurm, *words: str) -> dict[str, str]:
    """Return what a run's first job asks for; neither is to go on."""
    running = submit(project, slurm, *words)
    running.wait_until(lambda: len(running.jobs) == 1)
    asked = running.jobs[0]
    running.process.kill()
    running.process.wait()
    slurm.ask("scancel", asked["JobId"])
    return asked


def in_minutes(limit: str) -> int:
    """Read Slurm's `1-02:30:00`."""
    days, _, clock = limit.rpartition("-")
    hours, minutes, _ = map(int, clock.split(":"))
    return int(days or 0) * 1440 + hours * 60 + minutes


@pytest.fixture(scope="module", autouse=True)
def pipeline(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submitting]:
    """Start the whole pipeline; it runs while other tests do."""
    project = make_submitting_project(tmp_path_factory.mktemp("submitted"), SHORT)
    yield submit(project, slurm)
    for running in STARTED:
        if running.process.poll() is None:
            running.interrupt()


@pytest.fixture(scope="module")
def submitted(pipeline: Submitting) -> tuple[Project, list[dict[str, str]]]:
    """Wait for the whole pipeline; return it and its jobs."""
    return pipeline.project, pipeline.finish()


@pytest.fixture
def copy(submitted: tuple[Project, list], tmp_path: Path) -> Project:
    """Return a copy of what was submitted, with its results."""
    shutil.copytree(submitted[0].folder, tmp_path / "copy")
    return Project(tmp_path / "copy", tmp_path / "copy/config/tiny.yaml")


def read_training(project: Project) -> tuple[dict[str, torch.Tensor], list[tuple[str, str]]]:
    """Return the weights, and the losses step by step."""
    folder = project.results / "default/train"
    with open(folder / "history.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    losses = [(row["train_loss"], row["valid_loss"]) for row in rows]
    return load_file(folder / "model.safetensors"), losses


def check_same_training(one: Project, other: Project) -> None:
    weights, losses = read_training(one)
    others, other_losses = read_training(other)
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert losses == other_losses


def read_seconds(project: Project) -> float:
    """Return how long a training took, by its own word."""
    last = (project.results / "default/train/history.tsv").read_text().splitlines()[-1]
    return float(last.split("\t")[-1])


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Train on this machine from start to end."""
    project = make_project(tmp_path_factory.mktemp("untouched"), LONG)
    project.snakemake("train")
    return project


@pytest.fixture
def untrained(untouched: Project, tmp_path: Path) -> Project:
    """Return a project with the same dataset and no model yet."""
    shutil.copytree(untouched.folder, tmp_path / "untrained")
    project = Project(tmp_path / "untrained", tmp_path / "untrained/config/tiny.yaml")
    shutil.rmtree(project.results / "default")
    (project.results / "logs/train/default.log").unlink()
    edit_profile(project.folder)
    return project


def is_at_work(running: Submitting, attempt: int, word: str) -> bool:
    """Say whether so many jobs were submitted, and the training has said a word in the last."""
    log = running.project.results / "logs/train/default.log"
    states = [job["JobState"] for job in running.jobs]
    return len(states) == attempt and states[-1] == "RUNNING" and word in read_text(log)


def read_text(path: Path) -> str:
    """Return what a file holds; nothing where there is none, as Snakemake may be deleting it."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def test_a_training_that_leaves_before_its_limit_is_taken_up_again(
    untouched: Project, untrained: Project, slurm: Slurm
) -> None:
    untrained.write_config({**LONG, "train": {**LONG["train"], "time_limit": 0.03}})
    running = submit(untrained, slurm, "train")
    running.wait_until(lambda: is_at_work(running, attempt=2, word="resumed"))
    # Two attempts that leave after two seconds are enough: what comes now reads another limit.
    untrained.write_config(LONG)
    jobs = running.finish()
    assert len(jobs) >= 3
    assert [job["JobState"] for job in jobs] == ["FAILED"] * (len(jobs) - 1) + ["COMPLETED"]
    check_same_training(untouched, untrained)
    assert not (untrained.results / "default/train/checkpoints").exists()


def test_a_training_that_slurm_ends_twice_is_the_training_that_was_never_ended(
    untouched: Project, slurm: Slurm, tmp_path: Path
) -> None:
    # Of a limit of one minute a training takes about 40 seconds: it has to start, and to leave.
    epochs = round(LONG["train"]["epochs"] * 160 / read_seconds(untouched))
    config = {**LONG, "train": {**LONG["train"], "epochs": epochs}}
    for name in ("whole", "ended"):
        (tmp_path / name).mkdir()
    whole = make_project(tmp_path / "whole", config)
    ended = make_submitting_project(tmp_path / "ended", config)
    for _ in range(5):
        # On a busy machine Snakemake gives up before its end; then the same command goes on.
        running = submit(ended, slurm, "train", "--set-resources", "train_model:runtime=1")
        if running.process.wait(900) == 0:
            break
    jobs = running.finish()
    trainings = [job for job in jobs if "train_model" in job["Comment"]]
    assert len(trainings) >= 3
    assert {job["TimeLimit"] for job in trainings} == {"00:01:00"}
    assert trainings[-1]["JobState"] == "COMPLETED"
    whole.snakemake("train")
    check_same_training(whole, ended)


def test_a_training_that_is_cancelled_goes_on(
    untouched: Project, untrained: Project, slurm: Slurm
) -> None:
    checkpoints = untrained.results / "default/train/checkpoints"
    running = submit(untrained, slurm, "train")
    running.wait_until(lambda: is_at_work(running, attempt=1, word="epoch "))
    slurm.ask("scancel", running.jobs[0]["JobId"])
    # Snakemake itself submits it again.
    running.wait_until(lambda: len(running.jobs) == 2)
    assert any(checkpoints.iterdir())
    running.wait_until(lambda: is_at_work(running, attempt=2, word="resumed"))
    # Ctrl-C cancels the jobs; the same command again goes on.
    running.interrupt()
    jobs = submit(untrained, slurm, "train").finish()
    states = [job["JobState"] for job in jobs]
    # On a fast machine the second attempt may have come to its end before the Ctrl-C.
    assert states in (["CANCELLED", "CANCELLED", "COMPLETED"], ["CANCELLED", "COMPLETED"])
    check_same_training(untouched, untrained)
    assert not checkpoints.exists()


def test_a_training_over_two_nodes_is_one_training(
    untouched: Project, untrained: Project, slurm: Slurm
) -> None:
    untrained.write_config({**LONG, "train": {**LONG["train"], "processes": 4, "device": "auto"}})
    words = ("--set-resources", "train_model:nodes=2", "train_model:gpus=2")
    (job,) = submit(untrained, slurm, "train", *words).finish()
    assert job["NumNodes"] == "2"
    _, losses = read_training(untrained)
    _, whole = read_training(untouched)
    pairs = [(float(one[0]), float(other[0])) for one, other in zip(losses, whole, strict=True)]
    assert all(one == pytest.approx(other, rel=1e-3) for one, other in pairs[:5])
    # Rounding grows from step to step.
    assert all(one == pytest.approx(other, rel=0.1) for one, other in pairs)


def test_memory_and_time_grow_with_the_attempt(slurm: Slurm, tmp_path: Path) -> None:
    broken = {"source": "basenji_h5", "file": "broken.h5"}
    project = make_submitting_project(tmp_path, {**TINY, "dataset": broken})
    (tmp_path / "broken.h5").write_text("no HDF5")
    running = submit(project, slurm, "validate_source")
    running.wait_until(lambda: len(running.jobs) == 2)
    running.interrupt()
    jobs = running.jobs
    assert jobs[0]["JobState"] == "FAILED"
    assert [job["TRES"].split(",")[1] for job in jobs] == ["mem=4000M", "mem=8000M"]
    assert [in_minutes(job["TimeLimit"]) for job in jobs] == [60, 120]
    # The step's own log will be the second attempt's.
    assert "error: broken.h5" in Path(jobs[0]["StdOut"]).read_text()


def test_the_whole_pipeline_is_three_jobs(submitted: tuple[Project, list]) -> None:
    project, jobs = submitted
    assert (project.results / "report/index.html").stat().st_size
    assert (project.results / "export/tracks.tsv").stat().st_size
    kinds = [job["Comment"].split("_")[1] for job in jobs]
    assert kinds == ["data", "train", "results"]
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert project.jobs() == {}


def test_training_and_prediction_ask_for_a_gpu(submitted: tuple[Project, list]) -> None:
    data, train, results = submitted[1]
    assert "TresPerJob" not in data
    assert train["TresPerJob"] == results["TresPerJob"] == "gres:gpu:1"
    assert all("cpu=8" in job["TRES"] for job in (train, results))


def test_logs_are_where_the_docs_say(submitted: tuple[Project, list]) -> None:
    project, jobs = submitted
    logs = project.folder / "results/slurm_logs"
    found = {path.relative_to(logs).as_posix() for path in logs.rglob("*.log")}
    data, train, results = (job["JobId"] for job in jobs)
    assert f"rule_train_model/default/{train}.log" in found
    groups = sorted(name for name in found if name.startswith("group_"))
    assert [name.split("/")[1] for name in groups] == [f"{data}.log", f"{results}.log"]
    assert len(found) == 3
    assert "epoch 2 of 2" in (project.results / "logs/train/default.log").read_text()


@pytest.mark.parametrize("rule", ["predict_model", "train_model"])
def test_no_gpu_is_asked_for_on_the_cpu(copy: Project, slurm: Slurm, rule: str) -> None:
    copy.write_config({**SHORT, "train": {"device": "cpu"}})
    asked = find_request(copy, slurm, "train", "predict", "--forcerun", rule)
    assert asked["Comment"].startswith(("rule_results", f"rule_{rule}"))
    assert "TresPerJob" not in asked
    assert "gpu" not in asked["TRES"]


def test_a_training_asks_for_as_many_gpus_as_it_has_processes(copy: Project, slurm: Slurm) -> None:
    copy.write_config({**SHORT, "train": {"processes": 2}})
    asked = find_request(copy, slurm, "train", "--forcerun", "train_model")
    assert asked["TresPerJob"] == "gres:gpu:2"


def test_a_training_can_ask_for_two_nodes(copy: Project, slurm: Slurm) -> None:
    copy.write_config({**SHORT, "train": {"processes": 4}})
    words = ("--set-resources", "train_model:nodes=2", "train_model:gpus=2")
    asked = find_request(copy, slurm, "train", "--forcerun", "train_model", *words)
    assert asked["TresPerJob"] == "gres:gpu:4"
    assert asked["NumNodes"].startswith("2")


def test_predictions_of_many_members_share_a_gpu_in_turns(copy: Project, slurm: Slurm) -> None:
    entry = {**TINY["models"]["default"], "replicates": 3}
    copy.write_config({**SHORT, "models": {"default": entry}})
    for name in ("default.r1", "default.r2", "default.r3"):
        shutil.copytree(copy.results / "default", copy.results / name)
    words = ("--rerun-triggers", "mtime", "--forcerun", "predict_model")
    asked = find_request(copy, slurm, "predict", *words)
    assert asked["TresPerJob"] == "gres:gpu:1"
    assert "mem=8000M" in asked["TRES"]
    assert in_minutes(asked["TimeLimit"]) == 3 * 60 + 15
