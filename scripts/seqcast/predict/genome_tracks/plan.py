"""`plan.json`: what is predicted where, cut into parts that can be done one by one.

The format is specified in docs/formats.md.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqcast.core.disk import check_format
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import digest_of
from seqcast.core.seal import AGAIN, read_sealed, write_sealed
from seqcast.predict.genome_tracks.tiling import Span
from seqcast.settings.headers import check_header

FORMAT = "seqcast-plan"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Part:
    """Stretches that are predicted in one go, one after the other.

    `digest` is another where the stretches or the genome they lie on are.
    """

    name: str
    spans: tuple[Span, ...]
    digest: str

    @classmethod
    def from_spans(cls, name: str, spans: Iterable[Span], genome: str) -> "Part":
        """Make a part of stretches on a genome, which a text stands for."""
        spans = tuple(spans)
        return cls(name, spans, digest_of([genome, spans]))

    @property
    def bins(self) -> int:
        """How many bins."""
        return sum(span.bins for span in self.spans)


@dataclass(frozen=True)
class Plan:
    """All parts, with names of their own; each bin of the tracks is in one span of one part.

    `groups` are the targets, from the first to before the end, whose tracks are joined together.
    """

    parts: tuple[Part, ...]
    groups: tuple[tuple[int, int], ...] = ()

    @property
    def bins(self) -> int:
        """How many bins all parts have."""
        return sum(part.bins for part in self.parts)

    def find_part(self, name: str) -> Part:
        """Return the part of a name."""
        for part in self.parts:
            if part.name == name:
                return part
        raise SeqcastError(f"plan.json has no part {name!r}; run `snakemake genome_tracks`")


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan; it gets its name when it is whole."""
    parts = [
        {"name": part.name, "digest": part.digest, "spans": [list(span) for span in part.spans]}
        for part in plan.parts
    ]
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "groups": plan.groups}
    write_sealed(path, json.dumps({**content, "parts": parts}) + "\n")


def read_plan(path: Path) -> Plan:
    """Read a plan; raises `SeqcastError` where it is none."""
    content = check_header(dict[str, Any], read_sealed(path, AGAIN), path, AGAIN)
    check_format(path, content, (FORMAT, FORMAT_VERSION), AGAIN)
    found = {key: content.get(key) for key in ("parts", "groups")}
    return check_header(Plan, json.dumps(found), path, AGAIN)
