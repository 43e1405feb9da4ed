"""What a member of a model finds that motifs do, in parts of some backgrounds.

The formats are specified in docs/formats.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.parts import PartFormat
from seqcast.core.provenance import digest_of

FORMAT = PartFormat(
    "seqcast-motif-effects-part",
    "seqcast-motif-effects-parts",
    1,
    "is of other motifs, or of another model",
)


@dataclass(frozen=True)
class Part:
    """Backgrounds that are done in one go, by number; `digest` says what is done, and with what."""

    name: str
    backgrounds: tuple[int, ...]
    digest: str

    @classmethod
    def from_backgrounds(cls, backgrounds: Sequence[int], key: Mapping[str, Any]) -> "Part":
        """Make the part of some backgrounds, done with what a key says."""
        digest = digest_of([list(backgrounds), dict(key)])
        return cls(f"{backgrounds[0] + 1}", tuple(backgrounds), digest)

    @property
    def size(self) -> int:
        """How many backgrounds."""
        return len(self.backgrounds)


@dataclass(frozen=True)
class Found:
    """What is known of a part: `alone` (backgrounds, M, T) is what each motif does by itself.

    The others are of those backgrounds that pairs are put into, as `arrangement` (paired,) says, a
    place in `ARRANGEMENTS`: `first` (paired, P, T), `second` (paired, P, D, T) and `together`
    (paired, P, P, D, T); see `PairEffects`.
    """

    alone: np.ndarray
    arrangement: np.ndarray
    first: np.ndarray
    second: np.ndarray
    together: np.ndarray


class Member:
    """What a member of a model found; `facts` say of which motifs, and with what."""

    def __init__(self, path: Path) -> None:
        self._parts, self.facts = FORMAT.read_list(
            path, lambda parts: {each["name"]: each["digest"] for each in parts}
        )
        self._folder = path.parent

    def read(self) -> Found:
        """Return what all parts have, one behind the other."""
        parts = [
            FORMAT.read(self._folder / f"{name}.h5", digest) for name, digest in self._parts.items()
        ]
        return Found(
            *(np.concatenate([part[field.name] for part in parts]) for field in fields(Found))
        )
