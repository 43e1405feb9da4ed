"""What is wrong with a configuration, in one line a fault."""

import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from seqcast.errors import suggest
from seqcast.settings.data import SOURCES
from seqcast.settings.model import DilatedBlock, ModelSettings, SqueezeBlock, TrainSettings
from seqcast.settings.section import Section
from seqcast.settings.split import SplitSettings
from seqcast.settings.steps import ModelEntry

# Sections that the types of the fields above them do not name.
_SECTIONS: dict[str, type[Section]] = {"train": TrainSettings, "dataset.split": SplitSettings}
_MODEL_PARTS: dict[str, type[Section]] = {
    "": ModelEntry,
    "train": TrainSettings,
    "model": ModelSettings,
    "model.squeeze": SqueezeBlock,
    "model.dilated": DilatedBlock,
}
_GONE = {
    "dataset.max_no_data": (
        "is no longer a key; take it out, as a base without an entry in a bigWig is now 0, or write"
        " dataset.missing: unknown where it is not known, as between the probes of an array"
    )
}


# A damaged file may hold anything, at any length.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def describe_fault(fault: Mapping[str, Any], run: type | None = None, place: str = "") -> str:
    """Write one of pydantic's faults as a line: the place, what was found, what to do.

    `run` is the section of the top-level keys, for which a misspelt one may be meant; `place` says
    where a part stands that was checked by itself.
    """
    loc = [str(part) for part in (fault["loc"] if place else find_place(fault["loc"]))]
    where = ".".join([*([place] if place else []), *loc])
    is_unknown = fault["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    if is_unknown and where in _GONE:
        return f"{where}: {_GONE[where]}"
    if is_unknown:
        return f"{where}: unknown key{_explain_key(where, str(fault['loc'][1:2]), run)}"
    if fault["type"] == "missing":
        return f"{where}: is needed and not given"
    message, found = fault["msg"].removeprefix("Value error, "), _SHORT.repr(fault["input"])
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where and not message.startswith(where) else message
    if not message.startswith("Input should be "):
        return f"{where}: found {found}; {message[0].lower()}{message[1:]}".removeprefix(": ")
    wanted = re.split(", unable| or instance", message.removeprefix("Input should be "))[0]
    wanted = wanted.replace("a valid dictionary", "a mapping").replace("a valid tuple", "a list")
    choices = re.findall("'([^']*)'", wanted) if fault["type"] == "literal_error" else []
    hint = suggest(str(fault["input"]), choices)
    return f"{where}: found {found}, wanted {wanted}{hint}".removeprefix(": ")


def find_place(loc: Sequence[str | int]) -> list[str | int]:
    """Return the keys that lead to a fault of a whole run, as they stand in the user's file."""
    parts = [part for part in loc if part not in ("[key]", "[names]", "[share]")]
    # The second of a dataset's is the union's member.
    return parts[:1] + parts[2:] if parts[:1] == ["dataset"] else parts


def _explain_key(where: str, loc: str, run: type | None) -> str:
    """Say what an unknown key may have been meant to be."""
    *path, key = where.split(".")
    kind = _find_section(run, path)
    if path == ["dataset"]:
        kind = next(kind for name, kind in SOURCES.items() if name in loc)
        for name, other in SOURCES.items():
            if key in other.model_fields:
                return f"; it belongs to dataset.source: {name}"
    elif path[:1] == ["models"]:
        inside = [part for part in path[2:] if not part.isdigit()]
        kind = _MODEL_PARTS.get(".".join(inside))
    return suggest(key, list(getattr(kind, "model_fields", ())))


def _find_section(run: type | None, path: list[str]) -> type | None:
    """Return the section that stands at a place, where it is known."""
    if not path:
        return run
    field = getattr(run, "model_fields", {}).get(path[0])
    own = field.annotation if field and len(path) == 1 else None
    is_section = isinstance(own, type) and issubclass(own, Section)
    return own if is_section else _SECTIONS.get(".".join(path))
