"""Where results come from: digests of code, the record of a run, files that are as listed."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seqcast.disk import write_text

PACKAGES = (
    "snakemake", "torch", "h5py", "numpy", "pandas", "pyfaidx", "pybigwig", "matplotlib", "scipy",
    "pydantic", "safetensors",
)  # fmt: skip

# What these do to a result shows in the parameters of its rule, or not at all: a better message
# retrains nothing.
_WITHOUT_EFFECT = ("console", "damage", "disk", "errors", "gpus", "provenance", "settings")

# Without the links and the `..` by which it was reached: what has one name has one digest.
_LIBRARY = Path(__file__).resolve().parent

_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+seqcast\.?([\w.]*)(?:\s+import\s+(\([^)]*|[^#\n(]+))?", re.M
)


def digest_sources(script: Path) -> str:
    """Return a digest of a script and of every module of the library that it reaches.

    Follows import lines, not Python: cheap enough for every dry run, and the same on every
    version of Python.
    """
    total = hashlib.sha256()
    for path in sorted(find_sources(script)):
        if _has_effect(path):
            total.update(_digest_of(path))
    return total.hexdigest()[:16]


def find_sources(script: Path) -> frozenset[Path]:
    """Return a script and every module of the library that it imports, directly or not."""
    return _reach(script.resolve())


@cache
def _reach(path: Path) -> frozenset[Path]:
    found, waiting = {path}, [path]
    while waiting:
        for module in _imported(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return frozenset(found)


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    there, modules = _modules(), []
    for place, names in _IMPORT.findall(path.read_text()):
        inside = [name.split()[0] for name in names.strip("(").split(",") if name.strip()]
        for dotted in [place, *(f"{place}.{name}".strip(".") for name in inside)]:
            if dotted in there:
                modules.append(there[dotted])
    return tuple(modules)


@cache
def _modules() -> dict[str, Path]:
    """Return the files of the library by their names, `` for its own."""
    names = {}
    for path in _LIBRARY.rglob("*.py"):
        inside = path.relative_to(_LIBRARY).with_suffix("").parts
        names[".".join(inside[:-1] if inside[-1] == "__init__" else inside)] = path
    return names


@cache
def _digest_of(path: Path) -> bytes:
    return hashlib.sha256(path.name.encode() + b"\0" + path.read_bytes()).digest()


def _has_effect(path: Path) -> bool:
    if not path.is_relative_to(_LIBRARY):
        return True
    inside = path.relative_to(_LIBRARY).parts
    return inside != ("__init__.py",) and inside[0].removesuffix(".py") not in _WITHOUT_EFFECT


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_damaged_files(table_path: str | Path) -> list[str]:
    """Return the files of a `tracks.tsv` that are missing or not as listed, sorted.

    A file that is older than the table is taken to be as it was written; others are read.
    """
    table_path = Path(table_path)
    written = table_path.stat().st_mtime_ns
    damaged = []
    with open(table_path, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            path = table_path.parent / row["file"]
            if not path.is_file() or (
                path.stat().st_mtime_ns > written and sha256_of(path) != row["sha256"]
            ):
                damaged.append(row["file"])
    return sorted(damaged)


def make_run_record(
    config: Mapping[str, Any], data: Mapping[str, Any], packages: Iterable[str] = PACKAGES
) -> dict[str, Any]:
    """Return what it takes to repeat a run: config, versions, commit, data digests, command."""
    commit, dirty = _read_commit(_LIBRARY)
    return {
        "run": config.get("run"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": os.environ.get("SEQCAST_COMMAND", ""),
        "commit": commit,
        "dirty": dirty,
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: _version(name) for name in packages},
        },
        "data": dict(data),
        "config": dict(config),
    }


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people to read; it gets its name when it is whole."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read_commit(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether it was changed since; None outside git."""

    def git(*words: str) -> str:
        """Run git and return what it says."""
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None
