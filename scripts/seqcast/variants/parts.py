"""The plan: parts of alleles that are scored in one go, and what a member found of each part.

The formats are specified in docs/formats.md.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.parts import PartFormat
from seqcast.core.seal import AGAIN, read_json, read_table, write_json, write_sealed
from seqcast.variants.alleles import FLIPPED, SCORED
from seqcast.variants.loci import ANY
from seqcast.variants.scores import Scores

PLAN = ("seqcast-variants-plan", 1)
FORMAT = PartFormat(
    "seqcast-variants-part", "seqcast-variants-parts", 1, "is of other variants, or another model's"
)
# The file's own variants, and shuffled ones: substitutions, and all others.
Kind = Literal["variants", "null.substitutions", "null.others"]


class Site(NamedTuple):
    """An allele and what is known of its place; see `alleles.Allele`.

    `fold` is the only one whose models held the place out, `ANY` where all may score it. `gc` is
    the share of G and C about it, NaN where nothing is scored. Of shuffled ones `seed` says how.
    """

    contig: str
    start: int
    ref: str
    alt: str
    status: str
    split: str
    fold: int
    gc: float
    seed: int = 0

    @property
    def is_scored(self) -> bool:
        """Say whether it gets a score."""
        return self.status in (SCORED, FLIPPED)

    @property
    def is_substitution(self) -> bool:
        """Say whether all that follows stays in its place."""
        return len(self.ref) == len(self.alt)


@dataclass(frozen=True)
class Part:
    """Alleles that are scored in one go; `digest` is another where they, or their genome, are."""

    name: str
    kind: Kind
    alleles: int
    digest: str

    @property
    def size(self) -> int:
        """How many alleles."""
        return self.alleles


@dataclass(frozen=True)
class Plan:
    """All parts, and what is known of the file; its rows are those of `vcf`, which is sorted."""

    parts: tuple[Part, ...]
    facts: Mapping[str, Any]

    @property
    def vcf(self) -> Path:
        """Where the sorted rows are."""
        return Path(self.facts["sorted"])

    def of_kind(self, kind: Kind) -> list[Part]:
        """Return the parts of a kind, in their order."""
        return [part for part in self.parts if part.kind == kind]


def write_sites(path: Path, kind: Kind, sites: Sequence[Site], genome: str) -> Part:
    """Write the alleles of a part and return it; the text `genome` stands for the genome."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(Site._fields)
    writer.writerows(sites)
    content = text.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed(path, content)
    digest = sha256(f"{genome}\n{content}".encode()).hexdigest()[:16]
    return Part(path.stem, kind, len(sites), digest)


def read_sites(path: Path) -> list[Site]:
    """Read the alleles of a part."""
    rows = read_table(path, AGAIN)
    with refuse_damage(path, "is no table of alleles", AGAIN):
        return [
            Site(
                **{
                    **row,
                    **{key: int(row[key]) for key in ("start", "fold", "seed")},
                    "gc": float(row["gc"]),
                }
            )
            for row in rows
        ]


def write_plan(path: Path, parts: Iterable[Part], facts: Mapping[str, Any]) -> None:
    """Write a plan; it gets its name when it is whole."""
    content = {**facts, "parts": [asdict(part) for part in parts]}
    write_json(path, PLAN, content)


def read_plan(path: Path) -> Plan:
    """Read a plan; raises `SeqcastError` where it is none."""
    facts = read_json(path, PLAN, "plan of variants", AGAIN)
    with refuse_damage(path, "is no plan of variants", AGAIN):
        return Plan(tuple(Part(**each) for each in facts.pop("parts")), facts)


@dataclass(frozen=True)
class Found:
    """What a member found of a part: `rows` are those of its alleles that it scored."""

    rows: np.ndarray
    scores: Scores

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What its file holds."""
        return {"rows": self.rows, **vars(self.scores)}


def find_own(sites: Sequence[Site], fold: int) -> np.ndarray:
    """Return which alleles a member of a fold scores: none that its models learned from."""
    return np.array(
        [row for row, site in enumerate(sites) if site.is_scored and site.fold in (ANY, fold)],
        dtype=np.int64,
    )


class Member:
    """What a member of a model found, part by part; `facts` say with what."""

    def __init__(self, path: Path) -> None:
        self._digests, self.facts = FORMAT.read_list(path, dict)
        self._folder = path.parent

    def read(self, part: Part) -> Found:
        """Return what is known of a part."""
        if part.name not in self._digests:
            raise SeqcastError(f"{self._folder}: has no part {part.name}; {AGAIN}")
        found = FORMAT.read(self._folder / f"{part.name}.h5", self._digests[part.name])
        return Found(found.pop("rows"), Scores(**found))
