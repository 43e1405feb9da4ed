"""Conda's environments, pip's pins and the ranges say the same, and hold what the rules import."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from rules import ROOT, Rule, read_rules
from stand_in_conda import read_wanted

from seqcast.core import provenance

RULES = read_rules()
STEPS = [rule for rule in RULES if rule.script]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What imports call otherwise than PyPI.
IMPORTS = {
    "PIL": "pillow",
    "igv_notebook": "igv-notebook",
    "modiscolite": "modisco-lite",
    "pyBigWig": "pybigwig",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# What has an interpreter of its own, and brings GPL packages.
TOOLS = {"modisco-lite", "memelite"}
# A download is what its URL says, and repaired tracks are what their table says, whatever the code.
WITHOUT_CODE = {"download_file", "repair_tracks"}


def read_pins(name: str = "requirements.txt") -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return dict(line.split("==") for line in lines if re.match(r"\w", line))


@cache
def find_imports(path: Path) -> frozenset[str]:
    """Return the packages, by PyPI's names, that a file imports anywhere, or looks for."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                found |= {alias.name.split(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(), level=0):
                found.add(node.module.split(".")[0])
            case ast.Call(
                func=ast.Name("find_spec" | "import_module"), args=[ast.Constant(str(name))]
            ):
                found.add(name.split(".")[0])
    found -= {"seqcast", *sys.stdlib_module_names}
    return frozenset(IMPORTS.get(name, name) for name in found)


def find_all_imports(paths: Iterable[Path]) -> set[str]:
    """Return the packages that any of several files imports."""
    return set().union(*map(find_imports, paths))


def find_imports_of(rule: Rule) -> set[str]:
    """Return the packages that a rule's script and its part of the library import."""
    return find_all_imports(provenance.find_sources(rule.script))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_names_targets_or_runs_a_script_in_an_environment(rule: Rule) -> None:
    if rule.script is None:
        assert {"norun", "localrule"} <= rule.does
    else:
        assert rule.script.is_file()
        assert rule.environment in ENVIRONMENTS


@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.name)
def test_a_rule_hangs_on_the_code_of_its_script(rule: Rule) -> None:
    assert rule.code == (None if rule.name in WITHOUT_CODE else rule.script.stem)


def test_every_script_is_of_a_rule() -> None:
    assert {rule.script for rule in STEPS} == set((ROOT / "scripts").glob("*.py"))


# As they are written: in a job Snakemake puts its own packages last on the path, so that one which
# an environment lacks is found there, on the machine of whoever wrote the rule.
@pytest.mark.parametrize("rule", STEPS, ids=lambda rule: rule.name)
def test_an_environment_has_what_its_rule_imports(rule: Rule) -> None:
    assert find_imports_of(rule) - set(read_wanted(rule.environment)) == set()


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_nothing_that_its_rules_do_not_import(path: Path) -> None:
    used = [find_imports_of(rule) for rule in STEPS if rule.environment == path]
    assert set(read_wanted(path)) - {"python"} == set().union(*used)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_conda_pins_what_pip_pins(path: Path) -> None:
    found = read_wanted(path)
    assert Version(found.pop("python")) in SpecifierSet(PROJECT["requires-python"])
    own = read_pins("requirements-motifs.txt") if path.stem == "motifs" else {}
    assert found.items() <= (own | read_pins()).items()


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(
        "import os, PIL.Image as image\nfrom . import near\nfrom seqcast import loss\n"
        "def late():\n    from polars.io import read\n    find_spec('igv_notebook')\n"
    )
    assert find_imports(tmp_path / "step.py") == {"pillow", "polars", "igv-notebook"}


def test_pins_lie_in_the_ranges() -> None:
    pins = read_pins()
    for text in PROJECT["dependencies"]:
        wanted = Requirement(text)
        assert Version(pins[wanted.name]) in wanted.specifier, text


def test_what_the_library_imports_has_a_range() -> None:
    names = {Requirement(text).name for text in PROJECT["dependencies"]}
    found = find_all_imports((ROOT / "scripts").rglob("*.py"))
    assert names - {"snakemake"} == found - TOOLS


def test_only_one_module_imports_what_brings_gpl_packages() -> None:
    files = (ROOT / "scripts").rglob("*.py")
    assert [path.stem for path in files if "import modiscolite" in path.read_text()] == ["modisco"]
    pins = read_pins("requirements-motifs.txt")
    assert pins.keys() >= {*TOOLS, "leidenalg", "igraph"}
    assert not read_pins().keys() & {*TOOLS, "leidenalg", "igraph", "numba"}


def test_what_tests_import_is_pinned() -> None:
    tests = list((ROOT / "tests").rglob("*.py"))
    pins = read_pins() | read_pins("requirements-dev.txt")
    own = {path.stem for path in tests} | {path.parent.name for path in tests}
    assert find_all_imports(tests) - own <= set(pins)


def test_nothing_is_pinned_twice() -> None:
    assert read_pins().keys() & read_pins("requirements-dev.txt").keys() == set()


def test_torch_is_pinned_without_a_local_version() -> None:
    assert read_pins()["torch"] == "2.13.0"


def test_no_plugin_of_snakemake_slows_down_each_dry_run() -> None:
    assert [name for name in read_pins() if "executor-plugin-" in name] == []


def test_the_image_has_the_pins_and_a_python_in_the_range() -> None:
    """As far as that can be read: no image is built here."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    said = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    (image,) = [words for key, words in said if key == "FROM"]
    (python,) = re.findall(r"python:(3\.\d+)-slim", image)
    assert Version(python) in SpecifierSet(PROJECT["requires-python"])
    assert [words.split(maxsplit=2)[2] for key, words in said if key == "RUN"] == [
        "--no-cache-dir -r requirements.txt"
    ]
    copied = re.findall(r"^!([\w.]+)$", (ROOT / ".dockerignore").read_text(), re.M)
    assert {"requirements.txt", "Snakefile", "workflow", "config", "scripts", "profiles"} <= {
        name for name in copied if (ROOT / name).exists()
    }


def test_snakemake_itself_needs_little_more() -> None:
    """The workflow's own code runs beside Snakemake, in no environment of a rule.

    PyYAML is Snakemake's own.
    """
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    reached = set().union(*map(provenance.find_sources, files)) - set(files)
    assert reached
    assert find_all_imports(reached) == {"pydantic", "pyyaml", "tqdm"}
