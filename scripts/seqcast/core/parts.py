"""Work that is done in parts, a file each, so that a run that was stopped does what is missing.

A part's file `<part>.h5` holds arrays and a digest that says of what; a list beside them says which
parts belong together. The formats are specified in docs/formats.md.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN, read_json, write_json

Arrays = Mapping[str, np.ndarray]


class Part(Protocol):
    """What is done in one go; `digest` is another where it is, or is done with, something else."""

    @property
    def name(self) -> str:
        """What its file is called, without `.h5`."""

    @property
    def digest(self) -> str:
        """What stands for what is done, and with what."""

    @property
    def size(self) -> int:
        """How much there is to do."""


SomePart = TypeVar("SomePart", bound=Part)
Listed = TypeVar("Listed")


class _Writer(Draft):
    def write(self, attributes: Mapping[str, Any], arrays: Arrays) -> None:
        """Write all of it and give the file its name."""
        self._file.attrs.update(attributes)
        for name, array in arrays.items():
            self._file[name] = array
        self._keep()


@dataclass(frozen=True)
class PartFormat:
    """Names and version of the formats of a part and of a list of them.

    `other` says what a file with another digest is.
    """

    part: str
    parts: str
    version: int
    other: str

    def write(self, path: Path, digest: str, arrays: Arrays) -> None:
        """Write a part, its numbers in 32 bits; it gets its name when it is whole."""
        attributes = {"format": self.part, "format_version": self.version, "digest": digest}
        arrays = {
            name: array.astype("<i8" if array.dtype.kind == "i" else "<f4")
            for name, array in arrays.items()
        }
        with _Writer(path, sum(array.nbytes for array in arrays.values())) as writer:
            writer.write(attributes, arrays)

    def read(self, path: Path, digest: str) -> dict[str, np.ndarray]:
        """Read a part; one with another digest is refused."""
        with open_hdf5(path, (self.part, self.version), AGAIN) as file:
            if file.attrs["digest"] != digest:
                raise SeqcastError(f"{path}: {self.other}; {AGAIN}")
            return {name: array[()] for name, array in file.items()}

    def is_done(self, path: Path, digest: str) -> bool:
        """Say whether a part is there, whole, and the one that is wanted."""
        try:
            return path.is_file() and bool(self.read(path, digest))
        except SeqcastError:
            return False

    def complete(
        self,
        folder: Path,
        parts: Sequence[SomePart],
        do: Callable[[SomePart, Callable[[int], object]], Arrays],
        title: str,
        unit: str,
    ) -> None:
        """Do the parts that are not in a folder yet, and remove those of other settings.

        `do` returns a part's arrays, and meanwhile tells what it is given how many units are done.
        """
        paths = {part.name: folder / f"{part.name}.h5" for part in parts}
        missing = [part for part in parts if not self.is_done(paths[part.name], part.digest)]
        total, left = (sum(part.size for part in some) for some in (parts, missing))
        if left < total:
            done = total - left
            log.info("%s: %s of %s %s are done already", title, f"{done:,}", f"{total:,}", unit)
        start = time.monotonic()
        with progress(total, title, unit, total - left) as bar:
            for number, part in enumerate(missing):
                self.write(paths[part.name], part.digest, do(part, bar.update))
                if not number:
                    each = (time.monotonic() - start) / part.size
                    log.info(
                        "%s: %.3g s for each of %s %s, about %s",
                        title, each, f"{left:,}", unit, format_seconds(each * left),
                    )  # fmt: skip
        for path in folder.glob("*.h5"):
            if path not in paths.values():
                path.unlink()

    def write_list(self, path: Path, parts: Any, facts: Mapping[str, Any]) -> None:
        """Write which parts there are, as JSON, and with what they were made."""
        write_json(path, (self.parts, self.version), {**facts, "parts": parts})

    def read_list(self, path: Path, make: Callable[[Any], Listed]) -> tuple[Listed, dict[str, Any]]:
        """Read which parts there are, made of their JSON, and with what they were made."""
        facts = read_json(path, (self.parts, self.version), "list of parts", AGAIN)
        with refuse_damage(path, "is no list of parts", AGAIN):
            return make(facts.pop("parts")), facts
