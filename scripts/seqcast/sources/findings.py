"""What a validation found: the same for every source, as JSON for programs, as text for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import digest_samples
from seqcast.core.seal import read_sealed, write_sealed
from seqcast.sources.base_order import BaseOrder

# By itself: in one call all that follows would be made anew as well.
REMEDY = "delete it, run `snakemake validate_source`, then the same command again"


@dataclass(frozen=True)
class Key:
    """One array of an HDF5 file, as the chapter prints it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class TargetFinding:
    """A target: mean and share of zeros over the good train bins, bad bins of all splits.

    Of a genome source only the header of the `file` was read: `mean` is over all bases of the
    genome, those without an entry as 0; with `missing: unknown` over those with one, of which
    `covered` is the share. Elsewhere neither is set.
    """

    name: str
    mean: float
    max: float
    zeros: float
    nan: int = 0
    inf: int = 0
    negative: int = 0
    file: str = ""
    covered: float | None = None

    @property
    def bad(self) -> int:
        """Bins that cannot be learnt from."""
        return self.nan + self.inf + self.negative


@dataclass(frozen=True)
class Likeness:
    """Two windows, each a split and a row, that are the same or overlap by `bases`."""

    first: tuple[str, int]
    second: tuple[str, int]
    kind: str
    strand: str
    bases: int

    def __str__(self) -> str:
        """Write the pair as a person reads it."""
        strand = ", other strand" if self.strand == "other" else ""
        what = "the same" if self.kind == "same" else f"{self.bases:,} bases in common"
        (a, row_a), (b, row_b) = self.first, self.second
        return f"{a} {row_a} and {b} {row_b} ({what}{strand})"


@dataclass(frozen=True)
class Validation:
    """All that is known of a source after validation; `refusals` empty means fit for training.

    `windows` counts the windows looked at per split: those used, or the first `head`. `bad` and
    `dropped` list rows per split; `dropped_for` counts the dropped windows by reason. Of a genome,
    `contigs` has the lengths of those used, `left_out` the reason for each other one, `splits` the
    contigs or intervals of each split and `split_bases` their bases, `masked` the share of used
    bases under the mask, and `forecast` bytes of `disk` and `memory` and `seconds` for its dataset,
    and `files` has `sha256` and `samples` of every file by its path.
    """

    source: str
    file: str
    bytes: int = 0
    sha256: str = ""
    head: int | None = None
    ratio: int = 1
    keys: tuple[Key, ...] = ()
    windows: Mapping[str, int] = field(default_factory=dict)
    window: int = 0
    bins: int = 0
    bin_size: int = 0
    crop: int = 0
    alphabet: BaseOrder | None = None
    unknown_bases: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[TargetFinding, ...] = ()
    bad: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    overlaps: tuple[Likeness, ...] = ()
    dropped: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dropped_for: Mapping[str, int] = field(default_factory=dict)
    contigs: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split_bases: Mapping[str, int] = field(default_factory=dict)
    masked: float | None = None
    forecast: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def raise_if_refused(self) -> None:
        """Raise `SeqcastError` with one line a refusal, where there is any."""
        if self.refusals:
            raise SeqcastError("\n".join(self.refusals))

    def check_unchanged(self) -> None:
        """Raise `SeqcastError` where a file is not what it was when it was judged."""
        changed = [
            path
            for path, found in self.files.items()
            if not Path(path).is_file() or digest_samples(path) != found["samples"]
        ]
        if changed:
            more = f" (and {len(changed) - 1:,} more files)" if changed[1:] else ""
            raise SeqcastError(
                f"{changed[0]}{more}: is not as it was validated; run the same command again"
            )

    def to_json(self) -> str:
        """Write everything as JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Validation":
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["keys"] = tuple(
            Key(k["name"], tuple(k["shape"]), k["dtype"]) for k in values["keys"]
        )
        values["targets"] = tuple(TargetFinding(**target) for target in values["targets"])
        values["overlaps"] = tuple(
            Likeness(**{**pair, "first": tuple(pair["first"]), "second": tuple(pair["second"])})
            for pair in values["overlaps"]
        )
        if values["alphabet"]:
            order = values["alphabet"]
            lists = {key: tuple(order[key]) for key in ("possible", "evidence")}
            values["alphabet"] = BaseOrder(**{**order, **lists})
        for key in ("bad", "dropped", "splits"):
            values[key] = {split: tuple(rows) for split, rows in values.get(key, {}).items()}
        for key in ("refusals", "warnings", "notices"):
            values[key] = tuple(values.get(key, ()))
        return cls(**values)


def write_validation(path: Path, validation: Validation) -> None:
    """Write the JSON of a validation; it gets its name when it is whole."""
    write_sealed(path, validation.to_json())


def read_validation(path: Path) -> Validation:
    """Read the JSON of a validation."""
    try:
        return Validation.from_json(read_sealed(path, REMEDY))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SeqcastError(f"{path}: is not the JSON of a validation ({error}); {REMEDY}") from None
