"""What editors and readers know of the configuration: a JSON schema and `docs/config.md`.

Both are made from the settings themselves::

    python -m seqcast.settings.schema json > workflow/schemas/config.schema.json
    python -m seqcast.settings.schema docs > docs/config.md
"""

import json
import sys
from typing import Any

from pydantic import BaseModel

from seqcast.settings.data import SOURCES
from seqcast.settings.network import NETWORKS, DilatedBlock, DownsampleBlock, NetworkSettings
from seqcast.settings.presets import PRESETS
from seqcast.settings.run import Settings
from seqcast.settings.section import Section, find_sections, find_tag
from seqcast.settings.split import SplitSettings
from seqcast.settings.table import TargetRow
from seqcast.settings.training import TrainSettings

# YAML 1.1, which Snakemake reads, takes 1e-3 for text.
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"

_INTRODUCTION = """\
# Configuration

Every key of a configuration, made from `scripts/seqcast/settings` (`make schema`). A key that is
not given has its default; an unknown key is refused. A configuration may be a file
(`--configfile`) or single values (`--config run=mine train='{"epochs": 3}'`).
"""


def make_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration (draft 2020-12)."""
    schema = Settings.model_json_schema()
    parts = schema.pop("$defs")
    for kind in (TrainSettings, *NETWORKS.values()):
        part = kind.model_json_schema()
        parts |= part.pop("$defs", {})
        # They are complete only once merged with their preset.
        part.pop("required", None)
        if kind is TrainSettings:
            for key, value in PRESETS["default"]["train"].items():
                part["properties"][key]["default"] = value
        parts[kind.__name__] = part
    for network in NETWORKS.values():
        properties = parts[network.__name__]["properties"]
        for key, kind in (("downsample", DownsampleBlock), ("dilated", DilatedBlock)):
            if key in properties:
                shapes = [{"$ref": _ref(kind)}, _make_list(parts, kind)]
                properties[key]["items"] = {"anyOf": shapes}
    entry = parts["ModelEntry"]["properties"]
    for properties, key, kinds in (
        (schema["properties"], "train", [TrainSettings]),
        (entry, "train", [TrainSettings]),
        (entry, "network", NETWORKS.values()),
    ):
        description = properties[key]["description"]
        shapes = [{"$ref": _ref(kind)} for kind in kinds]
        shape = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        properties[key] = {**shape, "description": description}
    _allow_nothing(schema)
    # Without a source the data are simulated.
    for name, kind in SOURCES.items():
        if name != Settings().dataset.source:
            parts[kind.__name__]["required"].append("source")
    parts["PredictSettings"]["properties"]["checkpoint"]["type"] = ["string", "integer"]
    schema["$defs"] = dict(sorted(parts.items()))
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | _tidy(schema)


def make_docs() -> str:
    """Return `docs/config.md`: a Markdown table a section."""
    pages = [_INTRODUCTION]
    paths: dict[type[BaseModel], list[str]] = {}
    for path, kind in find_sections(Settings):
        paths.setdefault(kind, []).append(path)
        if kind is SplitSettings:
            paths[TargetRow] = []
    for kind in paths:
        title = _make_title(kind, paths[kind])
        summary = " ".join((kind.__doc__ or "").split())
        rows = "\n".join(_make_rows(kind))
        pages.append(
            f"## {title}\n\n{summary}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
            f"{rows}\n"
        )
    return "\n".join(pages)


def _make_title(kind: type[BaseModel], paths: list[str]) -> str:
    if kind is TargetRow:
        return "The targets table, a TSV with these columns"
    if paths == [""]:
        return "The run"
    shown = ", and ".join(f"`{path.replace('.*', '.<name>')}`" for path in dict.fromkeys(paths))
    tag = find_tag(kind)
    return f"{shown}, with `{tag[0]}: {tag[1]}`" if tag else shown


def _ref(kind: type[Section]) -> str:
    return f"#/$defs/{kind.__name__}"


def _make_list(parts: dict[str, Any], kind: type[Section]) -> dict[str, Any]:
    """Describe a block written as a list: its keys in their order, the last may be left out."""
    properties = parts[kind.__name__]["properties"]
    items = [
        {key: value for key, value in each.items() if key not in ("title", "default")}
        for each in properties.values()
    ]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items) - 1}


def _allow_nothing(schema: dict[str, Any]) -> None:
    """Let a key stand with nothing after it, as in a section whose lines are all comments."""
    for key, value in schema["properties"].items():
        description = value.pop("description", None)
        schema["properties"][key] = {
            "anyOf": [value, {"type": "null"}],
            **({"description": description} if description else {}),
        }
    models = schema["properties"]["models"]["anyOf"][0]
    models["additionalProperties"] = False
    for name, entry in models["patternProperties"].items():
        models["patternProperties"][name] = {"anyOf": [entry, {"type": "null"}]}


def _tidy(part: Any) -> Any:
    """Drop what pydantic adds for its own use, and let numbers be written as YAML reads them."""
    if isinstance(part, list):
        return [_tidy(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {
        key: {name: _tidy(each) for name, each in value.items()}
        if key in ("properties", "$defs")
        else value
        if key == "default"
        else _tidy(value)
        for key, value in part.items()
        if key not in ("discriminator", "title")
    }
    if isinstance(plain.get("description"), str):
        plain["description"] = " ".join(plain["description"].split())
    if plain.get("type") == "number":
        plain |= {"type": ["number", "string"], "pattern": _NUMBER}
    return plain


def _make_rows(kind: type[Section]) -> list[str]:
    schema = kind.model_json_schema()
    needed = schema.get("required", ())
    if issubclass(kind, NetworkSettings):
        needed = ()  # the preset has them
    rows = []
    for key, field in schema["properties"].items():
        default = "needed" if key in needed else _show_default(kind, key, field)
        cells = (f"`{key}`", _show_type(field), default, _show_meaning(field))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def _show_meaning(field: dict[str, Any]) -> str:
    return " ".join(field.get("description", "").split())


def _show_default(kind: type[Section], key: str, field: dict[str, Any]) -> str:
    if issubclass(kind, NetworkSettings):
        return "the preset's"
    if kind is Settings and key not in ("run", "train"):
        return "`default`, as the preset has it" if key == "models" else "see below"
    default = field.get("default")
    preset = PRESETS["default"]["train"]
    if kind is TrainSettings and key in preset and preset[key] != default:
        return f"{_write(preset[key])}; `course`: {_write(default)}"
    if default in (None, ""):
        return "none" if default is None else "empty"
    return _write(default)


def _write(value: Any) -> str:
    return f"`{json.dumps(value)}`".replace('"', "")


def _show_type(field: dict[str, Any]) -> str:
    """Write a property's type for people."""
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if kinds := field.get("anyOf") or field.get("oneOf"):
        shown = ["none" if each == {"type": "null"} else _show_type(each) for each in kinds]
        return " or ".join(dict.fromkeys(shown))
    if "$ref" in field:
        return "mapping"
    kind = field.get("type", "any")
    if kind == "array":
        items = field["items"]
        return "list of " + ("blocks" if "$ref" in items else _show_type(items))
    if kind == "object":
        values = field.get("additionalProperties")
        plain = isinstance(values, dict) and "$ref" not in values
        return f"mapping of {_show_type(values)}" if plain else "mapping"
    bounds = [
        f"{sign} {field[word]:g}"
        for word, sign in (
            ("exclusiveMinimum", ">"),
            ("minimum", ">="),
            ("exclusiveMaximum", "<"),
        )
        if word in field
    ]
    return " ".join([{"string": "text"}.get(kind, kind), ", ".join(bounds)]).strip()


if __name__ == "__main__":
    if sys.argv[1:] not in (["json"], ["docs"]):
        raise SystemExit("usage: python -m seqcast.settings.schema json|docs")
    print(make_docs() if sys.argv[1] == "docs" else json.dumps(make_schema(), indent=2), end="")
    if sys.argv[1] == "json":
        print()
