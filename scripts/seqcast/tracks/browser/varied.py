"""What `variants` has found, as pages show it: which variants change the most, and where.

The folder is specified in docs/formats.md.
"""

import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqcast.core.damage import refuse_damage
from seqcast.core.seal import read_sealed
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.table import ALT, REF, check_tracks

REMEDY = "run `snakemake variants` again"
# Bases to each side of a variant that its button shows.
BESIDE = 2_000
_KINDS = {"predicted.ref": REF, "predicted.alt": ALT}
_LETTERS = 12
_NEEDED = ("place", "summit", "trimmed", "lfc", "spread", "target", "model")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class VariantPlace(Locus):
    """A variant and its surroundings; the target and model of which it changes the most."""

    target: str = ""
    model: str = ""
    summit: int = 0
    length: int = 1

    @property
    def spot(self) -> Locus:
        """The bases of REF that differ, one at least, under the variant's name."""
        return Locus(self.name, self.chrom, self.summit, self.summit + self.length)

    @property
    def focus(self) -> str:
        """The only target that its button shows."""
        return self.target


@dataclass(frozen=True)
class Varied:
    """A folder of `variants`: how it was made, its top variants, bigWigs of both their alleles.

    `said` is what `variants.json` says; `files` are by target, model and allele.
    """

    folder: Path
    said: Mapping[str, Any]
    files: Mapping[tuple[str, str, str], Path]

    @property
    def top(self) -> list[Row]:
        """The variants with the largest |lfc| of each target and model."""
        return list(self.said["top"])

    def find_model(self, target: str, models: Sequence[str]) -> str | None:
        """Return the first of the models, the best first, with tracks of a target."""
        return next((each for each in models if (target, each, REF) in self.files), None)

    def rank(self, model: str) -> list[Row]:
        """Return a model's top variants, each once, of the target that it changes the most."""
        rows = sorted(
            (row for row in self.top if row["model"] == model), key=lambda row: -abs(row["lfc"])
        )
        return _take_first(rows, name_variant)


def _take_first(rows: Iterable[Row], key: Callable[[Row], str]) -> list[Row]:
    """Return the first row of each key."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(key(row), row)
    return list(found.values())


def name_variant(row: Row) -> str:
    """Return what a variant is called: its place and both alleles, long ones cut."""
    ref, alt = map(shorten, (row["ref"], row["alt"]))
    return f"{row['contig']}:{row['position']:,} {ref}>{alt}"


def shorten(allele: str) -> str:
    """Write an allele; of a long one the first bases and how many there are."""
    return allele if len(allele) <= _LETTERS else f"{allele[: _LETTERS - 4]}…({len(allele)})"


def read_varied(path: str | Path) -> Varied:
    """Read `variants.json`, and see that the tracks it names are there.

    Raises SeqcastError where it is not what `variants` writes, or a track is missing.
    """
    path = Path(path)
    with refuse_damage(path, "is not what `variants` writes", REMEDY):
        said = json.loads(read_sealed(path, REMEDY))
        names = {each["target"]: each["name"] for each in said["targets"]}
        files = {
            (names[each["target"]], each["model"], _KINDS[each["kind"]]): path.parent / each["file"]
            for each in said["files"]
            if each["kind"] in _KINDS
        }
        varied = Varied(path.parent, said, files)
        for row in varied.top:
            name_variant(row), [row[key] for key in _NEEDED]
    check_tracks(path, files.values(), REMEDY)
    return varied


def find_variants(
    varied: Varied,
    models: Sequence[str],
    sizes: Mapping[str, int],
    targets: Container[str],
    most: int,
) -> list[VariantPlace]:
    """Return the places of the variants of the largest effects, at most one of a target at first.

    Only contigs in `sizes` and `targets` are looked at; `models` are the best first.
    """
    model = next((each for each in models if any(key[1] == each for key in varied.files)), None)
    rows = [
        row
        for row in (varied.rank(model) if model else [])
        if row["place"] in sizes and row["target"] in targets
    ]
    # Each target's first, then all the others.
    first = _take_first(rows, lambda row: row["target"])
    ordered = first + [row for row in rows if row not in first]
    return [_make_place(row, sizes) for row in ordered[:most]]


def _make_place(row: Row, sizes: Mapping[str, int]) -> VariantPlace:
    start, end = row["summit"] - BESIDE, row["summit"] + BESIDE
    words = "times as much" if row["lfc"] >= 0 else "times less"
    why = f"variant: {2 ** abs(row['lfc']):.1f} {words} {row['target']} (lfc {row['lfc']:+.2f})"
    return VariantPlace(
        name_variant(row),
        row["place"],
        max(start, 0),
        min(end, sizes[row["place"]]),
        why,
        row["target"],
        row["model"],
        row["summit"],
        max(len(row["trimmed"][0]), 1),
    )


def list_tracks(varied: Varied, models: Iterable[str]) -> dict[tuple[str, str, str], Path]:
    """Return the bigWigs of both alleles of some models."""
    wanted = set(models)
    return {key: path for key, path in varied.files.items() if key[1] in wanted}
