"""What is wrong with a configuration, in one line a fault."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seqcast.errors import suggest
from seqcast.settings.data import SOURCES, SplitSettings
from seqcast.settings.model import DilatedBlock, ModelSettings, SqueezeBlock, TrainSettings
from seqcast.settings.section import Section
from seqcast.settings.steps import (
    EvaluateSettings,
    ExportSettings,
    ModelEntry,
    PredictSettings,
    ReportSettings,
)

_SECTIONS: dict[str, type[Section]] = {
    "train": TrainSettings,
    "predict": PredictSettings,
    "evaluate": EvaluateSettings,
    "export": ExportSettings,
    "report": ReportSettings,
    "dataset.split": SplitSettings,
}
_MODEL_PARTS: dict[str, type[Section]] = {
    "": ModelEntry,
    "train": TrainSettings,
    "model": ModelSettings,
    "model.squeeze": SqueezeBlock,
    "model.dilated": DilatedBlock,
}


def describe_fault(fault: Mapping[str, Any], run: type[Section], place: str = "") -> str:
    """Write one of pydantic's faults as a line: the place, what was found, what to do.

    `run` is the section of the top-level keys; `place` says where a part stands that was checked
    by itself.
    """
    loc = [str(part) for part in (fault["loc"] if place else find_place(fault["loc"]))]
    where = ".".join([*([place] if place else []), *loc])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{_explain_key(where, str(fault['loc'][1:2]), run)}"
    if fault["type"] == "missing":
        return f"{where}: is needed and not given"
    message, found = fault["msg"].removeprefix("Value error, "), fault["input"]
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where and not message.startswith(where) else message
    if not message.startswith("Input should be "):
        return f"{where}: found {found!r}; {message[0].lower()}{message[1:]}"
    wanted = re.split(", unable| or instance", message.removeprefix("Input should be "))[0]
    wanted = wanted.replace("a valid dictionary", "a mapping").replace("a valid tuple", "a list")
    if fault["type"] == "string_type" and isinstance(found, (int, float)):
        return (
            f"{where}: found {found!r}, wanted text; of a command line Snakemake reads a number,"
            " quoted or not: write it in the config file, or choose a word"
        )
    choices = re.findall("'([^']*)'", wanted) if fault["type"] == "literal_error" else []
    return f"{where}: found {found!r}, wanted {wanted}{suggest(str(found), choices)}"


def find_place(loc: Sequence[str | int]) -> list[str | int]:
    """Return the keys that lead to a fault of a whole run, as they stand in the user's file."""
    parts = [part for part in loc if part != "[key]"]
    # The second of a dataset's is the union's member.
    return parts[:1] + parts[2:] if parts[:1] == ["dataset"] else parts


def _explain_key(where: str, loc: str, run: type[Section]) -> str:
    """Say what an unknown key may have been meant to be."""
    *path, key = where.split(".")
    kind = _SECTIONS.get(".".join(path)) if path else run
    if path == ["dataset"]:
        kind = next(kind for name, kind in SOURCES.items() if name in loc)
        for name, other in SOURCES.items():
            if key in other.model_fields:
                return f"; it belongs to dataset.source: {name}"
    elif path[:1] == ["models"]:
        inside = [part for part in path[2:] if not part.isdigit()]
        kind = _MODEL_PARTS.get(".".join(inside))
    return suggest(key, list(kind.model_fields)) if kind else ""
