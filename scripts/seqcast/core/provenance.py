"""Where results come from: digests of code, the record of a run, files that are as listed."""

import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seqcast.core.disk import write_text
from seqcast.core.seal import AGAIN, read_sealed

PACKAGES = (
    "snakemake", "torch", "h5py", "numpy", "pandas", "pyfaidx", "pybigwig", "matplotlib", "scipy",
    "pydantic", "safetensors",
)  # fmt: skip

# What these do to a result shows in the parameters of its rule, or they only say what others found.
_WITHOUT_EFFECT = (
    "__init__", "core.console", "core.damage", "core.disk", "core.errors", "core.gpus",
    "core.provenance", "core.seal", "settings", "sources.locating.describing",
    "sources.validation.verdict",
)  # fmt: skip

# Without the links and the `..` by which it was reached: what has one name has one digest.
_LIBRARY = Path(__file__).resolve().parents[1]

_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+seqcast\.?([\w.]*)(?:\s+import\s+(\([^)]*|[^#\n(]+))?", re.M
)


# What a line consists of: strings, brackets, its end with the indentation of the next, and what is
# between. Comments, and ends of lines that are only continued, match outside the group. Python's
# own `ast` takes half a second in every dry run and job, and differs between versions.
_STRING = "|".join(rf"{quotes}(?:[^\\]|\\.)*?{quotes}" for quotes in ('"""', "'''", '"', "'"))
_TOKEN = re.compile(
    rf"""({_STRING}|[()[\]{{}}]|\n[ ]*|[^\s"'#()[\]{{}}\\][^"'#()[\]{{}}\n\\]*)|\#[^\n]*|\\\n""",
    re.DOTALL,
)
_DEEPER = dict.fromkeys("([{", 1) | dict.fromkeys(")]}", -1)
# What stands before the bracket around a message.
_SAYS = re.compile(
    r"(?:^raise [\w.]+|(?<![\w.])(?:log\.\w+|warnings\.warn|(?<!def )(?:progress|refuse_damage)))$"
)
_PRIVATE = re.compile(r"\b_[^\W_]\w*")
_DEFINITION = re.compile(rf"\n (?:def |class )?({_PRIVATE.pattern}) ?[(:=]")


def digest_sources(script: Path) -> str:
    """Return a digest of what a script and every module of the library that it reaches do.

    Comments, docstrings, layout and messages do not count (`read_code`). Follows import lines, not
    Python: cheap enough for every dry run, and the same on every version of Python.
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
    for package, names in _IMPORT.findall(path.read_text()):
        inside = [name.split()[0] for name in names.strip("(").split(",") if name.strip()]
        for dotted in [package, *(f"{package}.{name}".strip(".") for name in inside)]:
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
    code = read_code(path.read_text(encoding="utf-8"))
    return hashlib.sha256(f"{path.name}\0{code}".encode()).digest()


def read_code(source: str) -> str:
    """Return what a module does, for digests: a logical line a line, its tokens a blank apart.

    Left out are comments, docstrings, layout and what is only said: calls of `log`, what
    `progress`, `refuse_damage` and `warnings.warn` are given, the words of raised errors, and what
    is private to the module and named nowhere else. All other strings count, and so do annotations,
    of which pydantic and dataclasses make fields.
    """
    blocks: list[str] = []
    is_decorated = False
    for line in _split_lines(source):
        done = " ".join(line)
        if line[0] == "\n" and not is_decorated:
            blocks.append(done)
        else:
            blocks[-1] += done
        is_decorated = line[1].startswith("@")
    return "".join(_drop_unused(blocks))


def _split_lines(source: str) -> Iterator[list[str]]:
    """Yield the tokens of each logical line that does something, its indentation first.

    What is in the brackets of a message is left out.
    """
    line: list[str] = []
    depth = 0
    message = 0
    for token in filter(None, _TOKEN.findall(f"\n{source}\n")):
        depth += _DEEPER.get(token, 0)
        if depth < message:
            message = 0
        elif not message and token[0] != "\n":
            if token == "(" and _SAYS.search(line[-1]):
                message = depth
            line.append(token.rstrip())
        elif not depth:
            if line[1:] and not _is_text(line[1:]):
                yield line
            line = [token]


def _is_text(line: list[str]) -> bool:
    """Say whether a line is a docstring or a call of `log`."""
    is_string = line[-1][-1] in "\"'" and line[:-1] in ([], ["r"])
    return is_string or line[0].startswith("log.")


def _drop_unused(blocks: list[str]) -> list[str]:
    """Drop definitions that only messages named, then those that only these named.

    What is decorated stays: a decorator may make it known elsewhere.
    """
    found = Counter(name for block in blocks for name in set(_PRIVATE.findall(block)))
    kept = []
    for block in blocks:
        defined = _DEFINITION.match(block)
        if not defined or found[defined[1]] > 1:
            kept.append(block)
    return kept if len(kept) == len(blocks) else _drop_unused(kept)


def _has_effect(path: Path) -> bool:
    if not path.is_relative_to(_LIBRARY):
        return True
    name = ".".join(path.relative_to(_LIBRARY).with_suffix("").parts)
    return not f"{name}.".startswith(tuple(f"{room}." for room in _WITHOUT_EFFECT))


def digest_of(content: Any) -> str:
    """Return a short digest of what can be written as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# A file of this size is read whole; of a larger one as many bytes, in so few places that a
# thousand files on a network file system cost a dry run seconds.
_SAMPLED = 1 << 17
_SAMPLES = 8


def digest_samples(path: str | Path) -> str:
    """Return the size of a file and a digest of samples of its content, in milliseconds.

    Samples are the head, the tail and evenly spaced blocks between. Dates do not count. An edit
    that leaves the size and lies between samples is not seen: `sha256_of` sees it.
    """
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        blocks = 1 if size <= _SAMPLED else _SAMPLES
        length = min(size, _SAMPLED // blocks)
        total = hashlib.blake2b(digest_size=8)
        for number in range(blocks):
            start = (size - length) * number // max(blocks - 1, 1)
            total.update(os.pread(file.fileno(), length, start))
    return f"{size} {total.hexdigest()}"


def find_damaged_files(table_path: str | Path) -> list[str]:
    """Return the files of a `tracks.tsv` that are missing or not as listed, sorted.

    A file that is older than the table is taken to be as it was written; others are read.
    """
    table_path = Path(table_path)
    written = table_path.stat().st_mtime_ns
    damaged = []
    table = io.StringIO(read_sealed(table_path, AGAIN), newline="")
    for row in csv.DictReader(table, delimiter="\t"):
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
