"""Conda's environments, pip's pins and the ranges say the same, and hold what the rules import."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from seqcast import provenance

ROOT = Path(__file__).parents[1]
RULES = {
    "data": (
        "download",
        "validate",
        "dataset",
        "evaluate",
        "export",
        "mend",
        "genome_tracks_plan",
        "genome_tracks_join",
        "regions_table",
    ),
    "torch": ("train", "predict", "genome_tracks_part"),
    "plot": ("first_look", "report"),
}
# What conda and imports call otherwise than PyPI.
CONDA = {"pytorch": "torch"}
IMPORTS = {
    "PIL": "pillow",
    "igv_notebook": "igv-notebook",
    "pyBigWig": "pybigwig",
    "yaml": "pyyaml",
}


def read_pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def read_environment(name: str) -> dict[str, str]:
    text = (ROOT / "envs" / f"{name}.yaml").read_text()
    found = yaml.safe_load(text)["dependencies"]
    pairs = [each.split("=") for each in found if isinstance(each, str) and "=" in each]
    by_pip = [pin for each in found if isinstance(each, dict) for pin in each["pip"]]
    pairs += [each.split("==") for each in by_pip]
    return {CONDA.get(package, package): version for package, version in pairs}


def find_imports(script: Path) -> set[str]:
    """Return the packages that a script and its part of the library import anywhere."""
    found: set[str] = set()
    for path in provenance.find_sources(script):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    pins = read_pins()
    names = {IMPORTS.get(name, name) for name in found}
    return {name for name in names if name in pins}


@pytest.mark.parametrize("name", RULES)
def test_conda_pins_what_pip_pins(name: str) -> None:
    pins = read_pins()
    found = read_environment(name)
    assert {package: pins[package] for package in found if package != "python"} == {
        package: version for package, version in found.items() if package != "python"
    }


@pytest.mark.parametrize("name", RULES)
def test_an_environment_has_what_its_rules_import(name: str) -> None:
    for step in RULES[name]:
        missing = find_imports(ROOT / "scripts" / f"{step}.py") - set(read_environment(name))
        assert not missing, f"{step} imports {missing}"


@pytest.mark.parametrize("name", RULES)
def test_every_rule_names_the_environment_of_its_script(name: str) -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    for rule in re.split(r"\n(?=    rule |rule )", text):
        for step in re.findall(r"scripts/(\w+)\.py", rule):
            if step in RULES[name]:
                assert f"envs/{name}.yaml" in rule


def test_pins_lie_in_the_ranges() -> None:
    pins = read_pins()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        wanted = Requirement(text)
        assert Version(pins[wanted.name]) in wanted.specifier, text


def test_torch_is_pinned_without_a_local_version() -> None:
    assert read_pins()["torch"] == "2.13.0"
