"""The plan: parts of alleles that are scored in one go, and what a member found of each part.

The formats are specified in docs/formats.md.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN, read_json, read_sealed, write_json, write_sealed
from seqcast.variants.alleles import FLIPPED, SCORED
from seqcast.variants.loci import ANY
from seqcast.variants.scores import Scores

PLAN, PART, LIST = "seqcast-variants-plan", "seqcast-variants-part", "seqcast-variants-parts"
FORMAT_VERSION = 1
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
    rows = csv.DictReader(io.StringIO(read_sealed(path, AGAIN), newline=""), delimiter="\t")
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
    write_json(path, (PLAN, FORMAT_VERSION), content)


def read_plan(path: Path) -> Plan:
    """Read a plan; raises `SeqcastError` where it is none."""
    facts = read_json(path, (PLAN, FORMAT_VERSION), "plan of variants", AGAIN)
    with refuse_damage(path, "is no plan of variants", AGAIN):
        return Plan(tuple(Part(**each) for each in facts.pop("parts")), facts)


@dataclass(frozen=True)
class Found:
    """What a member found of a part: `rows` are those of its alleles that it scored."""

    rows: np.ndarray
    scores: Scores


class _FoundWriter(Draft):
    def write(self, digest: str, found: Found) -> None:
        """Write all of it and give the file its name."""
        self._file.attrs.update(format=PART, format_version=FORMAT_VERSION, digest=digest)
        self._file["rows"] = found.rows.astype("<i8")
        for name, array in vars(found.scores).items():
            self._file[name] = array.astype("<i8" if array.dtype.kind == "i" else "<f4")
        self._keep()


def write_found(path: Path, digest: str, found: Found) -> None:
    """Write what a member found of a part; it gets its name when it is whole."""
    size = 4 * sum(array.size for array in vars(found.scores).values())
    with _FoundWriter(path, size) as writer:
        writer.write(digest, found)


def read_found(path: Path, digest: str) -> Found:
    """Read what a member found; of other alleles, or made with something else, it is refused."""
    with open_hdf5(path, (PART, FORMAT_VERSION), AGAIN) as file:
        if file.attrs["digest"] != digest:
            raise SeqcastError(f"{path}: is of other variants, or of another model; {AGAIN}")
        names = [field.name for field in fields(Scores)]
        return Found(file["rows"][()], Scores(*(file[name][()] for name in names)))


def is_done(path: Path, digest: str) -> bool:
    """Say whether a part is there, whole, and the one that is wanted."""
    try:
        return path.is_file() and bool(read_found(path, digest))
    except SeqcastError:
        return False


def find_own(sites: Sequence[Site], fold: int) -> np.ndarray:
    """Return which alleles a member of a fold scores: none that its models learned from."""
    return np.array(
        [row for row, site in enumerate(sites) if site.is_scored and site.fold in (ANY, fold)],
        dtype=np.int64,
    )


def write_list(path: Path, digests: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Write which parts a member has, with their digests, and with what they were made."""
    write_json(path, (LIST, FORMAT_VERSION), {**facts, "parts": dict(digests)})


class Member:
    """What a member of a model found, part by part; `facts` say with what."""

    def __init__(self, path: Path) -> None:
        self.facts = read_json(path, (LIST, FORMAT_VERSION), "list of parts", AGAIN)
        with refuse_damage(path, "is no list of parts", AGAIN):
            self._digests = self.facts.pop("parts")
        self._folder = path.parent

    def read(self, part: Part) -> Found:
        """Return what is known of a part."""
        if part.name not in self._digests:
            raise SeqcastError(f"{self._folder}: has no part {part.name}; {AGAIN}")
        return read_found(self._folder / f"{part.name}.h5", self._digests[part.name])
