"""The library is small rooms with arrows only downward."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "scripts" / "seqcast"
# Each room may know those in the lines before its own.
ROOMS = """
core
settings
genome
data
nn sources
training tracks evaluate
predict
explain
variants
motifs
report
"""
HEIGHT = {room: height for height, line in enumerate(ROOMS.split("\n")) for room in line.split()}
TORCH = {
    "explain.attribution", "explain.objective", "explain.rules", "nn", "nn.checkpoint",
    "nn.device", "nn.dropout", "nn.gated", "predict.kept", "nn.kernels", "nn.kernels.conv",
    "nn.kernels.gated", "nn.kernels.products", "nn.kernels.sequence", "nn.layers", "nn.loss",
    "nn.normalisation", "nn.one_hot", "nn.pooled", "predict.genome_tracks.predicting",
    "predict.inference", "predict.predictor", "training.gpu", "training.launch", "training.loader",
    "training.loop", "training.process_group", "training.record", "training.resume",
    "training.validation", "training.worker",
}  # fmt: skip

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


@pytest.mark.parametrize("name", MODULES)
def test_only_some_rooms_need_torch(name: str) -> None:
    packages = {full.partition(".")[0] for full in imports(name)}
    assert "torch" not in packages or name in TORCH
    assert not packages & {"snakemake", "argparse"}


def test_scripts_get_parameters_and_read_no_config() -> None:
    scripts = sorted(LIBRARY.parent.glob("*.py"))
    assert len(scripts) > 20
    assert [path.name for path in scripts if "snakemake.config" in path.read_text()] == []
