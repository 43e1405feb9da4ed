"""What `explain` found, as motifs are looked for in it: contributions and letters of regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.core.seal import read_json, read_table
from seqcast.explain.npz import FORMAT, FORMAT_VERSION, HYPOTHETICAL, SEQUENCE
from seqcast.genome.codes import N

REMEDY = "run `snakemake explain` again"


@dataclass(frozen=True)
class Region:
    """A region of `explain`, 0-based; `split` says who was trained on it."""

    contig: str
    start: int
    end: int
    summit: int
    name: str
    split: str


@dataclass(frozen=True)
class Arrays:
    """The regions of a target, a slug, that a model explained; files and their digests by kind.

    The two arrays are (regions, 4, width); what a region lacks of the width is 0. `regions` are the
    rows, one by one.
    """

    target: str
    name: str
    model: str
    folder: Path
    files: Mapping[str, str]
    digests: Mapping[str, str]
    regions: Sequence[Region]

    @property
    def slug(self) -> str:
        """What the target of this model is called in `motifs/`."""
        return f"{self.target}.{self.model}"

    @property
    def paths(self) -> tuple[Path, Path]:
        """The files of the sequence and of the contributions."""
        return self.folder / self.files[SEQUENCE], self.folder / self.files[HYPOTHETICAL]

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Return codes (regions, width) uint8 and projected contributions, float32, as large.

        Raises `SeqcastError` where a file is not what `explain` wrote.
        """
        for kind, path in zip((SEQUENCE, HYPOTHETICAL), self.paths, strict=True):
            if not path.is_file() or sha256_of(path) != self.digests[kind]:
                raise SeqcastError(f"{path}: is not the file that explain.json lists; {REMEDY}")
        one_hot, hypothetical = (np.load(path)["arr_0"] for path in self.paths)
        codes = np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), N).astype(np.uint8)
        return codes, (one_hot * hypothetical).sum(axis=1)


def read_arrays(path: Path) -> list[Arrays]:
    """Read from `explain.json` which arrays there are, target by target of each model."""
    said = read_json(path, (FORMAT, FORMAT_VERSION), "list of what was explained", REMEDY)
    with refuse_damage(path, "is not what `explain` writes", REMEDY):
        names = {each["target"]: each["name"] for each in said["targets"]}
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for each in said["files"]:
            if each["kind"] in (SEQUENCE, HYPOTHETICAL):
                found.setdefault((each["target"], each["model"]), {})[each["kind"]] = each
        regions = _read_regions(path.with_name("summary.tsv"))
        return [
            Arrays(
                target,
                names[target],
                model,
                path.parent,
                {kind: each["file"] for kind, each in of.items()},
                {kind: each["sha256"] for kind, each in of.items()},
                regions[target, model],
            )
            for (target, model), of in found.items()
        ]


def _read_regions(path: Path) -> dict[tuple[str, str], list[Region]]:
    """Read the regions of each target and model, in the order of the arrays' rows."""
    found: dict[tuple[str, str], list[Region]] = {}
    for row in read_table(path, REMEDY):
        bounds = (int(row[key]) for key in ("start", "end", "summit"))
        region = Region(row["contig"], *bounds, row["name"], row["split"])
        found.setdefault((row["target"], row["model"]), []).append(region)
    return found
