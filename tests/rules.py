"""Every rule as it is written, under whatever config it exists, read by Snakemake's own parser."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snakemake.parser import parse
from snakemake.sourcecache import LocalSourceFile

ROOT = Path(__file__).parents[1]
SOURCES = ("simulated", "basenji_h5", "genome")


@dataclass(frozen=True)
class Rule:
    """A rule: what it runs, where, and which step's code its results hang on."""

    name: str
    does: frozenset[str]
    script: Path | None
    environment: Path | None
    code: str | None


def read_rules() -> list[Rule]:
    """Return the rules of the Snakefile and of all that lies in `workflow/rules`."""
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
    return [rule for file in files for rule in _read_file(file)]


def _read_file(path: Path) -> Iterator[Rule]:
    cache: Any = SimpleNamespace(open=lambda file: StringIO(Path(file.path).read_text()))
    compiled, _ = parse(LocalSourceFile(str(path)), SimpleNamespace(sourcecache=cache), {})
    for node in ast.walk(ast.parse(compiled)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("__rule_"):
            said = {call.func.attr: call for call in node.decorator_list if hasattr(call, "func")}
            # Some have a script for each source: they are as many rules here.
            yield from dict.fromkeys(
                Rule(
                    node.name.removeprefix("__rule_"),
                    frozenset(said),
                    _find_path(path, said.get("script"), source),
                    _find_path(path, said.get("conda"), source),
                    _find_code(said.get("params"), source),
                )
                for source in SOURCES
            )


def _find_path(place: Path, call: Any, source: str) -> Path | None:
    return (place.parent / _read(call.args[0], source)).resolve() if call else None


def _find_code(params: Any, source: str) -> str | None:
    for keyword in params.keywords if params else ():
        if keyword.arg == "code":
            return _read(keyword.value.args[0], source)
    return None


def _read(text: ast.expr, source: str) -> str:
    return eval(ast.unparse(text), {"SOURCE": SimpleNamespace(source=source)})
