"""What a member of a model finds that motifs do, in parts of some backgrounds.

The formats are specified in docs/formats.md.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN, read_json, write_json

PART, LIST = "seqcast-motif-effects-part", "seqcast-motif-effects-parts"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Part:
    """Backgrounds that are done in one go, by number; `digest` says what is done, and with what."""

    name: str
    backgrounds: tuple[int, ...]
    digest: str

    @classmethod
    def from_backgrounds(cls, backgrounds: Sequence[int], key: Mapping[str, Any]) -> "Part":
        """Make the part of some backgrounds, done with what a key says."""
        content = json.dumps([list(backgrounds), dict(key)], sort_keys=True)
        digest = sha256(content.encode()).hexdigest()[:16]
        return cls(f"{backgrounds[0] + 1}", tuple(backgrounds), digest)


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


class _PartWriter(Draft):
    def write(self, part: Part, found: Found) -> None:
        """Write all of it and give the file its name."""
        self._file.attrs.update(format=PART, format_version=FORMAT_VERSION, digest=part.digest)
        for name, array in vars(found).items():
            self._file[name] = array.astype("<i8" if name == "arrangement" else "<f4")
        self._keep()


def write_part(path: Path, part: Part, found: Found) -> None:
    """Write a part; it gets its name when it is whole."""
    with _PartWriter(path, 4 * sum(array.size for array in vars(found).values())) as writer:
        writer.write(part, found)


def read_part(path: Path, part: Part) -> Found:
    """Read a part; one of other motifs or made with something else is refused."""
    with open_hdf5(path, (PART, FORMAT_VERSION), AGAIN) as file:
        if file.attrs["digest"] != part.digest:
            raise SeqcastError(f"{path}: is of other motifs, or of another model; {AGAIN}")
        return Found(*(file[field.name][()] for field in fields(Found)))


def is_done(path: Path, part: Part) -> bool:
    """Say whether a part is there, whole, and the one that is wanted."""
    try:
        return path.is_file() and bool(read_part(path, part))
    except SeqcastError:
        return False


def write_list(path: Path, parts: Sequence[Part], facts: Mapping[str, Any]) -> None:
    """Write which parts a member has, and with what they were made."""
    content = {**facts, "parts": [vars(part) for part in parts]}
    write_json(path, (LIST, FORMAT_VERSION), content)


class Member:
    """What a member of a model found; `facts` say of which motifs, and with what."""

    def __init__(self, path: Path) -> None:
        self.facts = read_json(path, (LIST, FORMAT_VERSION), "list of parts", AGAIN)
        with refuse_damage(path, "is no list of parts", AGAIN):
            self._parts = [
                Part(**{**each, "backgrounds": tuple(each["backgrounds"])})
                for each in self.facts.pop("parts")
            ]
        self._folder = path.parent

    def read(self) -> Found:
        """Return what all parts have, one behind the other."""
        parts = [read_part(self._folder / f"{part.name}.h5", part) for part in self._parts]
        return Found(
            *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Found))
        )
