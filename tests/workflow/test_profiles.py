"""Profiles name rules that there are, and Snakemake understands them."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from project import ROOT, TINY, Project

PROFILES = ("slurm", "generic")


def read_profile(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text())


def find_rules() -> dict[str, str]:
    """Return each rule's name and text."""
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    parts = re.split(r"^ *(?:rule|checkpoint) (\w+):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", PROFILES)
def test_rules_that_a_profile_names_exist(name: str) -> None:
    profile, rules = read_profile(name), find_rules()
    for section in ("set-resources", "set-threads", "groups"):
        assert not set(profile[section]) - set(rules), section


@pytest.mark.parametrize("name", PROFILES)
def test_rules_that_take_all_processors_are_given_some(name: str) -> None:
    rules = {rule for rule, text in find_rules().items() if re.search(r"^ *threads:", text, re.M)}
    assert rules == set(read_profile(name)["set-threads"])


@pytest.mark.parametrize("name", PROFILES)
def test_every_job_of_an_ordinary_run_is_in_a_group_or_worth_one(name: str) -> None:
    jobs = {rule for rule, text in find_rules().items() if "script:" in text}
    alone = {"train_model", "download_file", "suggest"}
    asked_for = {rule for rule in jobs if rule.startswith(("genome_tracks", "regions"))}
    assert jobs - set(read_profile(name)["groups"]) == alone | asked_for


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_group_adds_up_is_set_for_each_of_its_rules(name: str) -> None:
    profile = read_profile(name)
    # Of one that is rarely there, what the workflow declares is enough.
    rare = {"locate_windows", "repair_tracks"}
    assert set(profile["groups"]) - set(profile["set-resources"]) == rare


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_keeps_what_the_default_one_says(name: str) -> None:
    assert read_profile("default").items() <= read_profile(name).items()


def test_both_profiles_ask_for_the_same() -> None:
    slurm, generic = map(read_profile, PROFILES)
    own = {"executor", "default-resources"}
    shared = {key for key in slurm if key in generic} - own
    assert {key: slurm[key] for key in shared} == {key: generic[key] for key in shared}
    assert {"set-resources", "groups", "retries", "jobs", "resources"} <= shared


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_dry_runs_beside_the_default_one(project: Project, name: str) -> None:
    project.write_config({**TINY, "train": {"processes": 2}})
    said = project.snakemake("-n", "--profile", f"profiles/{name}")
    assert "workflow specific profile profiles/default" in said
    training = said.split("rule train_model:")[1].split("\n\n")[0]
    assert "gpu=2" in training
    assert "mem_mb=16000" in training
    assert "runtime=240" in training


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
