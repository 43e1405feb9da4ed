"""Regions of a target as one member of a model explains them, and the list of a member's parts.

The formats are specified in docs/formats.md.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN, read_json, write_json
from seqcast.explain.regions import Region

FORMAT, FORMAT_VERSION = "seqcast-explained", 1
LIST_FORMAT = "seqcast-explained-parts"


@dataclass(frozen=True)
class Part:
    """Regions of one target that are explained in one go; `rows` are their indices among all.

    `digest` is another where the regions are, or what they are explained with.
    """

    name: str
    target: str
    rows: tuple[int, ...]
    digest: str

    @classmethod
    def from_regions(
        cls, name: str, rows: Sequence[int], regions: Sequence[Region], key: Mapping[str, Any]
    ) -> "Part":
        """Make a part of regions, which are explained with what a key says."""
        content = json.dumps([key, [asdict(region) for region in regions]], sort_keys=True)
        digest = sha256(content.encode()).hexdigest()[:16]
        return cls(name, regions[0].target, tuple(rows), digest)


@dataclass(frozen=True)
class Values:
    """What is known of the regions of a part, row by row.

    `values` (regions, 4, width) are hypothetical contributions, 0 behind a region cut short;
    `explained`, `predicted` and `delta` (regions,): what is explained, the mean coverage that is
    predicted of it, in the dataset's units, and DeepLIFT's delta, NaN without one.
    """

    values: np.ndarray
    explained: np.ndarray
    predicted: np.ndarray
    delta: np.ndarray


class _PartWriter(Draft):
    def write(self, part: Part, values: Values) -> None:
        """Write all of it and give the file its name."""
        self._file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, digest=part.digest)
        for name, array in vars(values).items():
            self._file[name] = array.astype("<f4")
        self._keep()


def write_part(path: Path, part: Part, values: Values) -> None:
    """Write a part; it gets its name when it is whole."""
    with _PartWriter(path, values.values.nbytes) as writer:
        writer.write(part, values)


def read_part(path: Path, part: Part) -> Values:
    """Read a part; one of other regions or made with something else is refused."""
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        if file.attrs["digest"] != part.digest:
            raise SeqcastError(f"{path}: explains other regions, or with another model; {AGAIN}")
        return Values(*(file[name][()] for name in Values.__dataclass_fields__))


def is_done(path: Path, part: Part) -> bool:
    """Say whether a part is there, whole, and the one that is wanted."""
    try:
        return path.is_file() and bool(read_part(path, part))
    except SeqcastError:
        return False


def write_list(path: Path, parts: Sequence[Part], facts: Mapping[str, Any]) -> None:
    """Write which parts a member has, and with what they were made."""
    content = {**facts, "parts": [asdict(part) for part in parts]}
    write_json(path, (LIST_FORMAT, FORMAT_VERSION), content)


def read_list(path: Path) -> tuple[list[Part], dict[str, Any]]:
    """Read which parts a member has, and with what they were made."""
    facts = read_json(path, (LIST_FORMAT, FORMAT_VERSION), "list of parts", AGAIN)
    with refuse_damage(path, "is no list of parts", AGAIN):
        parts = [Part(**{**each, "rows": tuple(each["rows"])}) for each in facts.pop("parts")]
    return parts, facts
