"""Regions of a target as one member of a model explains them, and the list of a member's parts.

The formats are specified in docs/formats.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.parts import PartFormat
from seqcast.core.provenance import digest_of
from seqcast.explain.regions import Region

FORMAT = PartFormat(
    "seqcast-explained", "seqcast-explained-parts", 1, "explains other regions, or by another model"
)


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
        digest = digest_of([key, [asdict(region) for region in regions]])
        return cls(name, regions[0].target, tuple(rows), digest)

    @property
    def size(self) -> int:
        """How many regions."""
        return len(self.rows)


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


def read_part(path: Path, part: Part) -> Values:
    """Read a part; one of other regions or made with something else is refused."""
    return Values(**FORMAT.read(path, part.digest))


def read_list(path: Path) -> tuple[list[Part], dict[str, Any]]:
    """Read which parts a member has, and with what they were made."""
    return FORMAT.read_list(
        path, lambda parts: [Part(**{**each, "rows": tuple(each["rows"])}) for each in parts]
    )
