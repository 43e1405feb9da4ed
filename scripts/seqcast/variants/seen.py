"""What members of models see of the variants of the largest effects, and the list of these.

The formats are specified in docs/formats.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN, read_json

FORMAT, FORMAT_VERSION = "seqcast-variants", 1
# The arrays of all alleles.
TABLE = "seqcast-variants-table"
_SEEN = "seqcast-variants-top"
# Bases about a variant that get a letter.
WIDTH = 200


@dataclass(frozen=True)
class Seen:
    """What a member sees of top variants: `rows` are those that it scored, of the list of all.

    `start` (rows,) is the first base of the window's first bin; `ref` and `alt` (rows, bins) the
    coverage of the target, aligned with REF's bins, NaN beyond the contig. `ref_attr` and
    `alt_attr` (rows, 4, WIDTH) are hypothetical contributions of the bases from `first` on, and
    `ref_codes` and `alt_codes` (rows, WIDTH) what they are, in ALT as they follow each other there.
    """

    rows: np.ndarray
    start: np.ndarray
    first: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    ref_attr: np.ndarray
    alt_attr: np.ndarray
    ref_codes: np.ndarray
    alt_codes: np.ndarray


class SeenWriter(Draft):
    """Write what a member saw; use as a context manager."""

    def write(self, digest: str, seen: Seen) -> None:
        """Write all of it and give the file its name."""
        self._file.attrs.update(format=_SEEN, format_version=FORMAT_VERSION, digest=digest)
        for name, array in vars(seen).items():
            self._file[name] = array
        self._keep()


def read_seen(path: Path) -> Seen:
    """Read what a member saw."""
    with open_hdf5(path, (_SEEN, FORMAT_VERSION), AGAIN) as file:
        return Seen(*(file[field.name][()] for field in fields(Seen)))


def average_seen(members: Sequence[Seen], variants: int) -> list[Seen | None]:
    """Return of each variant the mean of what members saw, one row each; None where none did."""
    found: list[Seen | None] = []
    for row in range(variants):
        own = [
            [array[member.rows == row][0] for array in vars(member).values()]
            for member in members
            if row in member.rows
        ]
        if not own:
            found.append(None)
            continue
        mean = [np.mean(each, axis=0) for each in zip(*own, strict=True)]
        found.append(Seen(*own[0][:3], *mean[3:7], *own[0][7:]))
    return found


def check_seen(found: Sequence[Seen | None], top: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what no member saw."""
    for seen, variant in zip(found, top, strict=True):
        if seen is None:
            raise SeqcastError(
                f"no member has seen {variant['contig']}:{variant['position']:,}; {AGAIN}"
            )


def read_joined(path: Path) -> dict[str, Any]:
    """Read what `write_variants` wrote last."""
    return read_json(path, (FORMAT, FORMAT_VERSION), "list of what variants do", AGAIN)
