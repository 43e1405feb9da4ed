"""The library is small rooms with arrows only downward."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "scripts" / "seqcast"
CONTRIBUTING = (LIBRARY.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def read_heights() -> dict[str, int]:
    """Return how high each room stands in CONTRIBUTING's drawing; it may know the lower ones."""
    drawing = CONTRIBUTING.partition("arrows point downward only:\n\n```\n")[2].partition("\n```")[
        0
    ]
    lines = [line.partition("   ")[0].split() for line in drawing.splitlines()]
    return {room: height for height, line in enumerate(reversed(lines)) for room in line}


HEIGHT = read_heights()
MODULES = {
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(LIBRARY.rglob("*.py"))
    if path != LIBRARY / "__init__.py"
}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imports(name: str) -> Iterator[str]:
    """Yield the full names that a module imports, wherever the import stands."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: import by full names"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def imported_modules(name: str) -> set[str]:
    """Return the modules of the library that a module imports, `a` for names out of `a`."""
    inside = [
        full.removeprefix("seqcast.") for full in imports(name) if full.startswith("seqcast.")
    ]
    return {each if each in MODULES else each.rpartition(".")[0] for each in inside} - {""}


def test_every_room_has_a_layer() -> None:
    assert sorted({name.partition(".")[0] for name in MODULES}) == sorted(HEIGHT)


@pytest.mark.parametrize("name", MODULES)
def test_arrows_point_downward(name: str) -> None:
    here = HEIGHT[name.partition(".")[0]]
    rooms = {each.partition(".")[0] for each in imported_modules(name)}
    assert {room for room in rooms - {name.partition(".")[0]} if HEIGHT[room] >= here} == set()


def test_there_are_no_cycles() -> None:
    rooms: dict[str, set[str]] = {}
    for name in MODULES:
        room = name.partition(".")[0]
        others = {each.partition(".")[0] for each in imported_modules(name)}
        rooms.setdefault(room, set()).update(others - {room})
    list(TopologicalSorter(rooms).static_order())
    list(TopologicalSorter({name: imported_modules(name) for name in MODULES}).static_order())


# What a rule imports through others is held to its environment in test_environments.py.
@pytest.mark.parametrize("name", MODULES)
def test_few_rooms_import_torch_and_none_snakemake(name: str) -> None:
    packages = {full.partition(".")[0] for full in imports(name)}
    room = name.removeprefix("seqcast.").partition(".")[0]
    assert "torch" not in packages or room in {"nn", "training", "predict", "explain"}
    assert not packages & {"snakemake", "argparse"}


def test_scripts_get_parameters_and_read_no_config() -> None:
    scripts = sorted(LIBRARY.parent.glob("*.py"))
    assert len(scripts) > 20
    assert [path.name for path in scripts if "snakemake.config" in path.read_text()] == []
