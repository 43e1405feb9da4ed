"""Jobs in environments of their own, made by a stand-in for conda."""

import json
import shutil
from pathlib import Path

from project import Project
from rules import read_rules
from test_environments import IMPORTS, find_imports_of

RULES = {rule.script.stem: rule for rule in read_rules() if rule.script}
IMPORTED_AS = {package: name for name, package in IMPORTS.items()}
CONDA = ("--sdm", "conda")


def read_notes(project: Project) -> dict[str, dict]:
    """Return, for each step that ran in an environment, the note of its job."""
    notes = {}
    for path in sorted((project.folder / ".snakemake/conda").glob("*/jobs.jsonl")):
        for line in path.read_text().splitlines():
            note = json.loads(line)
            # Snakemake runs a copy of the script: tmpabc.train.py
            step = Path(note["ran"]).name.split(".")[-2:-1]
            if step and step[0] in RULES:
                notes[step[0]] = {**note, "place": str(path.parent)}
    return notes


def check_notes(notes: dict[str, dict]) -> None:
    """Hold each job's Python, and where its packages came from, against its rule."""
    for step, note in notes.items():
        rule = RULES[step]
        # Beside an environment Snakemake keeps what it was made from.
        assert Path(f"{note['place']}.yaml").read_text() == rule.environment.read_text()
        assert note["prefix"] == note["place"]
        for package in find_imports_of(rule):
            place = note["packages"].get(IMPORTED_AS.get(package, package), note["place"])
            assert place.startswith(note["place"]), f"{step} has {package} from {place}"


def test_each_job_runs_in_the_environment_of_its_rule(project: Project, conda: str) -> None:
    stages = ("predict", "validate")
    project.snakemake(*stages, *CONDA, PATH=conda)
    notes = read_notes(project)
    assert set(notes) == {
        "dataset_simulated", "validate_simulated", "first_look", "train", "predict",
    }  # fmt: skip
    check_notes(notes)
    assert project.jobs(*stages, *CONDA, PATH=conda) == {}
    # Without conda it is another mode: nothing holds any more.
    jobs = {"dataset", "validate_source", "first_look", "train_model", "predict_model"}
    assert set(project.jobs(*stages)) - set(stages) == jobs


def test_the_whole_run_does_so_too(project: Project, conda: str, tmp_path: Path) -> None:
    stages = ("all", "genome_tracks")
    project.snakemake(*stages, *CONDA, PATH=conda)
    notes = read_notes(project)
    assert set(notes) == {
        "dataset_simulated", "validate_simulated", "first_look", "train", "predict", "baseline",
        "evaluate", "export",
        "browse", "report", "genome_tracks_plan", "genome_tracks_part", "genome_tracks_join",
        "genome_tracks_table",
    }  # fmt: skip
    check_notes(notes)
    assert project.jobs(*stages, *CONDA, PATH=conda) == {}
    # An environment is what its file says, comments too, and the place where it lies.
    moved = Project(tmp_path / "moved", tmp_path / "moved/config/tiny.yaml")
    shutil.copytree(project.folder, moved.folder, symlinks=True, ignore=lambda *_: ["moved"])
    assert "train_model" in moved.jobs(*CONDA, PATH=conda)
    place = str(project.folder / ".snakemake/conda")
    assert moved.jobs(*CONDA, "--conda-prefix", place, PATH=conda) == {}
    with open(project.folder / "envs/torch.yaml", "a") as file:
        file.write("# changed\n")
    assert "train_model" in project.jobs(*CONDA, PATH=conda)
    assert "dataset" not in project.jobs(*CONDA, PATH=conda)
