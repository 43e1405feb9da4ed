"""`tracks.tsv`: the tracks that lie in a folder, a row a file."""

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

OBSERVED, PREDICTED, SPREAD, RESIDUAL = "observed", "predicted", "spread", "residual"
COLUMNS = ("file", "target", "model", "kind", "units", "sha256")


def read_tracks(path: str | Path) -> list[dict[str, str]]:
    """Read the table as a dict a row."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write_tracks(path: str | Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table; it gets its name when it is whole."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)
