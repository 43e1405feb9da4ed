"""Profiles name rules that there are, and Snakemake understands them."""

import json
import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from project import ROOT, TINY, Project

from seqcast.settings.resources import JOBS

PROFILES = ("slurm", "generic")


def read_profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())


def find_rules() -> dict[str, str]:
    """Return each rule's name and text."""
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    rule = re.compile(r"^ *(?:rule|checkpoint) (\w+):$", re.MULTILINE)
    parts = [part for text in texts for part in rule.split(text)[1:]]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def find_jobs() -> dict[str, str]:
    """Return name and text of each rule that runs something."""
    return {rule: text for rule, text in find_rules().items() if "script:" in text}


def test_each_job_has_a_line_of_the_table_and_takes_it_by_its_own_name() -> None:
    jobs = find_jobs()
    assert list(JOBS.keys() - jobs.keys()) == list(jobs.keys() - JOBS.keys()) == []
    for rule, text in jobs.items():
        said = re.findall(r"\b(resources|group|cores|threads)_of\(\s*\"(\w+)\"", text)
        assert {name for _, name in said} == {rule}
        words = {word for word, _ in said}
        assert "resources" in words, rule
        assert ("group" in words) == bool(JOBS[rule].group), rule
        own = bool(words & {"cores", "threads"}) or "threads_of_part" in text
        assert own == (JOBS[rule].cores > 1), rule
        assert not re.search(r"(mem_mb|runtime) *=", text), rule


def test_every_job_of_an_ordinary_run_is_in_a_group_or_worth_one() -> None:
    # Local rules are no jobs of a cluster.
    alone = {"train_model", "download_file", "suggest", "motifs_tools"}
    asked_for = {rule for rule in JOBS if rule.startswith(("genome_tracks", "regions"))}
    assert {rule for rule, job in JOBS.items() if not job.group} == alone | asked_for


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_keeps_what_the_default_one_says(name: str) -> None:
    assert read_profile("default").items() <= read_profile(name).items()


def test_both_profiles_ask_for_the_same() -> None:
    slurm, generic = map(read_profile, PROFILES)
    own = {"executor", "default-resources"}
    shared = {key for key in slurm if key in generic} - own
    assert {key: slurm[key] for key in shared} == {key: generic[key] for key in shared}
    assert {"set-resource-scopes", "retries", "jobs", "resources"} <= shared


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_dry_runs_beside_the_default_one(project: Project, name: str) -> None:
    project.write_config({**TINY, "train": {"processes": 2}})
    said = project.snakemake("-n", "--profile", f"profiles/{name}")
    assert "workflow specific profile profiles/default" in said
    training = said.split("rule train_model:")[1].split("\n\n")[0]
    assert "gpu=2" in training
    assert "mem_mb=16000" in training
    assert "runtime=240" in training


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_profile_shows_commented_out_can_be_taken_as_it_is(
    project: Project, name: str
) -> None:
    path = project.folder / "profiles" / name / "profile.yaml"
    before, first, after = path.read_text().partition("# set-resources:")
    text = before + re.sub(r"(?m)^# (?=[\w-]+:$|  )", "", first + after)
    shown = yaml.safe_load(text)
    for section in ("set-resources", "set-threads", "groups"):
        assert shown[section].keys() <= JOBS.keys(), section
        assert section not in read_profile(name)
    path.write_text(text)
    asked = {"variants": {"vcf": "simulated"}, "motifs": {"database": "simulated"}}
    project.write_config({**TINY, "explain": {"most": 1}, **asked})
    said = project.snakemake("-n", "--profile", f"profiles/{name}")
    assert {name for name in shown["groups"] if f"Group job {name} " in said} == {*shown["groups"]}
    # A site's own numbers go before the table's.
    training = said.split("rule train_model:")[1].split("\n\n")[0]
    assert "mem_mb=32000" in training


def test_jobs_ask_for_more_where_validation_found_much(project: Project) -> None:
    lengths, parts = {"chr1": 249_000_000}, {"test": 100_000_000}
    found = {"contigs": lengths, "split_bases": parts, "windows": {}, "window": 524_288}
    found |= {"bins": 16_384, "targets": [{}] * 1000, "forecast": {"memory": 2e10, "seconds": 90}}
    path = project.folder / "results/tiny/validate/validation.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(found))
    said = project.snakemake("-n", "--profile", "profiles/generic")
    jobs = {rule: said.split(f"rule {rule}:")[1].split("\n\n")[0] for rule in JOBS if rule in said}
    # Batches of 8: 1,500 bytes a base, 20 copies of the bins of all targets.
    assert "mem_mb=25766" in jobs["train_model"]
    assert "mem_mb=30000" in jobs["dataset"]
    # 35 ns a base and target, three times.
    assert "runtime=175" in jobs["evaluate_model"]
    assert "mem_mb=4000" in jobs["report"]


def test_a_misspelt_profile_is_an_error(project: Project) -> None:
    assert "profiles/slrum" in project.snakemake("-n", "--profile", "profiles/slrum", check=False)


def test_what_submits_is_an_extra_pinned_within_its_range() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(each) for of in extras["optional-dependencies"].values() for each in of]
    lines = (ROOT / "requirements-slurm.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert [each.name for each in wanted if Version(pins[each.name]) not in each.specifier] == []
    ordinary = (ROOT / "requirements.txt").read_text()
    assert not [name for name in pins if name in ordinary]
