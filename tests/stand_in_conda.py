"""What Snakemake asks of conda, answered with virtual environments; nothing is downloaded.

An environment holds what its file lists and what that requires, as links to the packages of the
Python that runs the tests, of the versions that the file says. Each Python that ends in one notes
in `jobs.jsonl` what it ran and where its packages came from.
"""

import json
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

# What conda calls otherwise than PyPI.
NAMES = {"matplotlib-base": "matplotlib", "pytorch": "torch"}
NOTES = """
import atexit, json, pathlib, sys

def note():
    places = {
        name: module.__file__
        for name, module in sys.modules.items()
        if "." not in name and "site-packages" in (getattr(module, "__file__", None) or "")
    }
    line = {"ran": sys.argv[0], "prefix": sys.prefix, "packages": places}
    with open(pathlib.Path(sys.prefix, "jobs.jsonl"), "a") as file:
        file.write(json.dumps(line) + "\\n")

atexit.register(note)
"""


def make_environment(file: Path, prefix: Path) -> None:
    """Make an environment with the packages that a file lists."""
    venv.create(prefix, symlinks=True)
    folder = next(prefix.glob("lib/python*/site-packages"))
    for package, version in read_wanted(file).items():
        if package != "python":
            found = distribution(package)
            if Version(found.version).public != version:
                sys.exit(f"PackagesNotFoundError: {package} {version}")
            link(found, folder)
    (folder / "job_notes.py").write_text(NOTES)
    (folder / "job_notes.pth").write_text("import job_notes\n")


def read_wanted(file: Path) -> dict[str, str]:
    """Return the pins of an environment by PyPI's names; Python's own is one of them."""
    listed = yaml.safe_load(file.read_text())["dependencies"]
    pairs = [each.split("=") for each in listed if isinstance(each, str) and each != "pip"]
    by_pip = [pin for each in listed if isinstance(each, dict) for pin in each["pip"]]
    pairs += [each.split("==") for each in by_pip]
    return {NAMES.get(package, package): version for package, version in pairs}


def link(found: Distribution, folder: Path) -> None:
    """Link a package, and all that it requires here, into an environment."""
    places = {Path(file).parts[0] for file in found.files or ()}
    for place in sorted(places - {"..", "__pycache__"}):
        if not (folder / place).exists():
            (folder / place).symlink_to(found.locate_file(place))
    for text in found.requires or ():
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            try:
                required = distribution(wanted.name)
            except PackageNotFoundError:  # a build of torch for CPUs has none for GPUs
                continue
            if not (folder / f"{required.name}-{required.version}.dist-info").exists():
                link(required, folder)


def main(words: list[str]) -> None:
    """Answer as conda does."""
    match words:
        case ["--version"]:
            print("conda 25.11.0")
        case ["info", "--json"]:
            print(json.dumps({"conda_prefix": str(BASE), "platform": "linux-64"}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["clean", *_]:
            pass
        case ["env", "create", *options]:
            file, prefix = (options[options.index(key) + 1] for key in ("--file", "--prefix"))
            make_environment(Path(file), Path(prefix))
        case _:
            sys.exit(f"the stand-in for conda was asked: {words}")


if __name__ == "__main__":
    BASE = Path(sys.argv[1])
    main(sys.argv[2:])
