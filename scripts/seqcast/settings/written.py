"""A config read from YAML with its names as they are written.

YAML takes `1_1` for 11, `no` for false and `2024-01-05` for a date. Which values are names the
settings say: wherever they want text, it is the text of the file.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from seqcast.core.errors import SeqcastError
from seqcast.settings.run import find_text

_TAG = "tag:yaml.org,2002:"


def read_config(paths: Iterable[str | Path], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Read YAML files, each over those before it, and `changes` over them all.

    `changes` come from a command line that did not keep what was written; they stay as they are.
    Raises `SeqcastError` where a file is no mapping in YAML, or has a key twice.
    """
    config: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for path in paths:
        _lay_over(config, _load(Path(path), _Typed))
        _lay_over(written, _load(Path(path), _Written))
    for keys in find_text(config):
        _restore(config, written, keys)
    _lay_over(config, changes)
    return config


class _Written(yaml.SafeLoader):
    """Read every value as it is written, and refuse a key that stands twice."""

    yaml_implicit_resolvers = {"<": [(_TAG + "merge", re.compile("<<$"))]}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping whose keys are text."""
        names: set[str] = set()
        for key, _ in node.value:
            if key.tag == _TAG + "merge":
                continue
            key.tag = _TAG + "str"
            if key.value in names:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
                )
            names.add(key.value)
        return super().construct_mapping(node, deep)


class _Typed(_Written):
    """Read numbers, `true`, `false` and `null` as YAML 1.2 has them; settings read the rest."""


for kind, first, pattern in (
    ("null", ["~", "n", "N", ""], "~|null|Null|NULL|"),
    ("bool", list("tTfF"), "true|True|TRUE|false|False|FALSE"),
    ("int", list("-+0123456789"), "[-+]?[0-9]+(_[0-9]+)*"),
    ("float", list("-+.0123456789"), r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
):
    _Typed.add_implicit_resolver(_TAG + kind, re.compile(f"({pattern})$"), first)
# PyYAML's own takes 010 for 8.
_Typed.add_constructor(_TAG + "int", lambda _, node: int(node.value))


def _load(path: Path, loader: type[yaml.SafeLoader]) -> dict[str, Any]:
    try:
        config = yaml.load(path.read_text(encoding="utf-8-sig"), loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise SeqcastError(f"{path}: {line}{error.problem or error}; wanted YAML") from None
    except (yaml.YAMLError, ValueError, TypeError, OSError, RecursionError) as error:
        raise SeqcastError(
            f"{path}: cannot be read as YAML ({' '.join(str(error).split())})"
        ) from None
    if not isinstance(config, dict):
        raise SeqcastError(f"{path}: holds no keys, wanted a mapping such as `run: mine`")
    return config


def _lay_over(config: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Change a mapping in place, mappings within it key by key, as Snakemake does."""
    for key, value in changes.items():
        if isinstance(value, Mapping):
            inner = config.get(key)
            config[key] = dict(inner) if isinstance(inner, Mapping) else {}
            _lay_over(config[key], value)
        else:
            config[key] = value


def _restore(config: Any, written: Any, keys: Sequence[str | int]) -> None:
    """Put in place of a value what was written, unless that is nothing or more than a word."""
    *path, last = keys
    for part in path:
        config, written = config[part], written[part]
    if config[last] is not None and isinstance(written[last], str):
        config[last] = written[last]
