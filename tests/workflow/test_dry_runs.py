"""Every stage dry-runs; the workflow passes Snakemake's own lint and snakefmt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import ROOT, TINY, Project

from seqcast.settings import STAGES, read_settings

CONFIGS = sorted((ROOT / "config").glob("*.yaml"))


def test_every_stage_dry_runs_by_its_name(project: Project) -> None:
    (project.folder / "r.bed").write_text("chrC\t0\t1000\n")
    (project.folder / "my.vcf").touch()
    changes = {"predict": {"regions": "r.bed"}, "variants": {"vcf": "my.vcf"}}
    project.write_config({**TINY, **changes})
    assert set(STAGES) <= set(project.jobs(*STAGES))


def test_regions_without_a_bed_file_are_refused(project: Project) -> None:
    said = project.snakemake("-n", "regions", check=False)
    assert "Missing input files for rule regions" in said
    assert "a BED file of regions, named in predict.regions" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_dry_runs(project: Project, config: Path) -> None:
    project.config = config
    if config.stem == "genome":  # a template: all that is wrong with it is that its files are not
        said = project.snakemake("-n", check=False)
        assert said.count("there is no file") == 3
        assert "config/genome.tsv: sample1: there is no file config/tracks/sample1.bw" in said
        for name in ("genome.fa.gz", "config/tracks/sample1.bw", "config/tracks/sample2.bw"):
            (project.folder / name).parent.mkdir(exist_ok=True)
            (project.folder / name).touch()
    assert project.jobs()["report"] == 1


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configs_give_runs_of_their_own(config: Path) -> None:
    others = [read_settings(yaml.safe_load(path.read_text())).run for path in CONFIGS]
    assert others.count(read_settings(yaml.safe_load(config.read_text())).run) == 1


def test_the_default_config_is_replaced_not_merged(project: Project) -> None:
    data = {"source": "basenji_h5", "file": "here.h5"}
    project.write_config({**TINY, "dataset": data})
    (project.folder / "here.h5").touch()
    assert "dataset" in project.jobs("dataset")


def test_several_models_are_separate_jobs(project: Project) -> None:
    project.write_config({**TINY, "models": dict.fromkeys("abc", TINY["models"]["default"])})
    assert project.jobs()["train_model"] == 3


def test_a_blacklist_can_be_mask_and_track(project: Project) -> None:
    url = "https://example.org/blacklist.bed.gz"
    (project.folder / "genome.fa").write_text(">chr1\nACGT\n")
    table = project.folder / "targets.tsv"
    table.write_text("identifier\tfile\tdescription\none\thttps://example.org/one.bw\tOne\n")
    split = {"valid": ["chr2"], "test": ["chr3"]}
    data = {"source": "genome", "fasta": "genome.fa", "targets": "targets.tsv", "mask": url}
    genes = "https://example.org/genes.gff3"
    project.write_config(
        {"run": "x", "dataset": {**data, "split": split}, "browse": {"annotation": [url, genes]}}
    )
    assert project.jobs()["download_file"] == 3
    assert project.jobs("download")["download_file"] == 3


def test_tracks_of_some_models_need_only_these(project: Project) -> None:
    entry = TINY["models"]["default"]
    models = {"one": entry, "two": {**entry, "replicates": 2}}
    (project.folder / "my.bed").write_text("chrA\t0\t100\n")
    changes = {"models": models, "genome_tracks": {"models": ["one"]}}
    project.write_config({**TINY, **changes, "predict": {"regions": "my.bed"}})
    for stage in ("genome_tracks", "regions"):
        jobs = project.jobs(stage)
        assert (jobs["train_model"], jobs["predict_model"]) == (1, 1)
    assert project.jobs(f"results/{TINY['run']}/regions/index.html")["regions_table"] == 1


def test_the_command_line_changes_the_config(project: Project) -> None:
    project.snakemake("-n", "train", "--config", "run=other", 'train={"learning_rate": "1e-2"}')
    said = project.snakemake("-n", "train", "--config", "run=2024_01_05", check=False)
    assert "config: run: found 20240105, wanted text" in said


def test_names_in_a_config_keep_their_letters(project: Project) -> None:
    project.write_config({**TINY, "run": "2024_01_05"})
    project.config.write_text(project.config.read_text().replace("'2024_01_05'", "2024_01_05"))
    assert "results/2024_01_05/default/train" in project.snakemake("-n", "train")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rnu": "x"}, ("rnu: unknown key", "did you mean 'run'?")),
        ({"models": {"observed": None}}, ("models.observed", "choose another")),
        ({"train": {"learning_rate": "ten"}}, ("train.learning_rate: found 'ten'", "number")),
        ({"dataset": {**TINY["dataset"], "window": 5000}}, ("4,992 or 5,120 would fit",)),
        (
            {"dataset": {"source": "basenji_h5", "file": "config/tiny.yml"}},
            ("dataset.file: there is no file config/tiny.yml", "did you mean 'tiny.yaml'?"),
        ),
    ],
)
def test_a_faulty_config_is_said_plainly(
    project: Project, change: dict, words: tuple[str, ...]
) -> None:
    project.write_config({**TINY, **change})
    said = project.snakemake("-n", check=False)
    assert all(word in said for word in words)
    assert "Traceback" not in said


def test_braces_in_a_path_are_refused(project: Project) -> None:
    project.write_config({**TINY, "dataset": {"source": "basenji_h5", "file": "here{x}.h5"}})
    (project.folder / "here{x}.h5").touch()
    said = project.snakemake("-n", check=False)
    assert "dataset.file: Snakemake takes braces in here{x}.h5 for wildcards" in said
    assert "Traceback" not in said


def test_a_python_in_a_folder_with_a_blank_is_refused(project: Project) -> None:
    python = project.folder / "my env" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    said = subprocess.run(
        [python, "-m", "snakemake", "-n", "--configfile", project.config],
        cwd=project.folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert "my env/python: Snakemake starts no Python whose path has blanks" in said.stdout
    assert said.returncode == 1


def test_lint_finds_nothing(project: Project) -> None:
    said = project.snakemake("--lint")
    assert "Congratulations" in said


def test_snakefmt_finds_nothing() -> None:
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
