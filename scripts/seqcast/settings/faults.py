"""What is wrong with a configuration, in one line a fault."""

import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from seqcast.core.errors import suggest
from seqcast.settings.section import find_sections, find_tag

_GONE = {
    "dataset.max_no_data": (
        "is no longer a key; take it out, as a base without an entry in a bigWig is now 0, or write"
        " dataset.missing: unknown where it is not known, as between the probes of an array"
    ),
    "models.*.model": (
        "is now called network, its blocks kind and its squeeze downsample; write network: {kind:"
        " pooled or gated, downsample: [...], dilated: [...]}, leaving out what the preset has"
    ),
    "models.*.network.blocks": "is now called kind",
    "models.*.network.squeeze": "is now called downsample",
}

# A damaged file may hold anything, at any length.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def describe_fault(
    fault: Mapping[str, Any], run: type[BaseModel] | None = None, within: str = ""
) -> str:
    """Write one of pydantic's faults as a line: the key, what was found, what to do.

    `run` is the section of the top-level keys, for which a misspelt one may be meant; `within` is
    the path of keys to a part that was checked by itself.
    """
    loc = [str(part) for part in (fault["loc"] if within else to_keys(fault["loc"]))]
    where = ".".join([*([within] if within else []), *loc])
    is_unknown = fault["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    if is_unknown and (gone := _GONE.get(re.sub(r"^models\.[^.]+", "models.*", where))):
        return f"{where}: {gone}"
    if is_unknown:
        return f"{where}: unknown key{_explain_key(where, str(fault['loc'][1:2]), run)}"
    if fault["type"] == "missing":
        return f"{where}: is needed and not given"
    if fault["type"].startswith("union_tag"):
        return _describe_tag(where, fault)
    message, found = fault["msg"].removeprefix("Value error, "), _SHORT.repr(fault["input"])
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where and not message.startswith(where) else message
    if not message.startswith("Input should be "):
        return f"{where}: found {found}; {message[0].lower()}{message[1:]}".removeprefix(": ")
    wanted = re.split(", unable| or instance| or object", message.removeprefix("Input should be "))[
        0
    ]
    wanted = wanted.replace("a valid dictionary", "a mapping").replace("a valid tuple", "a list")
    choices = re.findall("'([^']*)'", wanted) if fault["type"] == "literal_error" else []
    hint = suggest(str(fault["input"]), choices)
    return f"{where}: found {found}, wanted {wanted}{hint}".removeprefix(": ")


def to_keys(loc: Sequence[str | int]) -> list[str | int]:
    """Return the keys that lead to a fault of a whole run, as they stand in the user's file."""
    parts = [part for part in loc if part not in ("[key]", "[names]", "[share]")]
    # The second of a dataset's, and of a network's, is the union's member.
    return parts[:1] + parts[2:] if parts[:1] in (["dataset"], ["network"]) else parts


def _describe_tag(where: str, fault: Mapping[str, Any]) -> str:
    """Write a fault in the key that says which member of a union is meant."""
    key = fault["ctx"]["discriminator"].strip("'")
    if fault["type"] == "union_tag_not_found":
        return f"{where}.{key}: is needed and not given"
    found = fault["input"][key]
    choices = re.findall("'([^']*)'", fault["ctx"]["expected_tags"])
    hint = suggest(str(found), choices)
    return f"{where}.{key}: found {_SHORT.repr(found)}, wanted {' or '.join(choices)}{hint}"


def _explain_key(where: str, loc: str, run: type[BaseModel] | None) -> str:
    """Say what an unknown key may have been meant to be."""
    *path, key = (part for part in where.split(".") if not part.isdigit())
    kinds = [] if run is None else list(_find_kinds(run, path))
    owners = [find_tag(kind) for kind in kinds if key in kind.model_fields]
    if owners:
        prefix = "dataset." if path == ["dataset"] else ""
        return f"; it belongs to {prefix}{owners[0][0]}: {' or '.join(name for _, name in owners)}"
    meant = [kind for kind in kinds if (tag := find_tag(kind)) and tag[1] in loc] or kinds
    return suggest(key, list(dict.fromkeys(field for kind in meant for field in kind.model_fields)))


def _find_kinds(run: type[BaseModel], path: list[str]) -> Iterator[type[BaseModel]]:
    """Yield the sections that may stand at a path of keys."""
    for pattern, kind in find_sections(run):
        parts = pattern.split(".") if pattern else []
        if len(parts) == len(path) and all(a in ("*", b) for a, b in zip(parts, path, strict=True)):
            yield kind
