"""The table of targets: what each predicted track is."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Targets:
    """The targets of a dataset, model or prediction; every field has one entry a target.

    `scale` is what a coverage value is multiplied by before training, as in Basenji's table;
    predictions are divided by it. `strand_pair` is the index of the same track on the other
    strand, its own where the track has no strand.
    """

    identifier: tuple[str, ...]
    description: tuple[str, ...]
    strand_pair: tuple[int, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {field: len(values) for field, values in asdict(self).items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"targets table has columns of different lengths: {lengths}")
        for index, pair in enumerate(self.strand_pair):
            if not 0 <= pair < len(self) or self.strand_pair[pair] != index:
                raise ValueError(
                    f"target {self.identifier[index]!r} has strand pair {pair}, which does not"
                    " point back at it"
                )

    def __len__(self) -> int:
        return len(self.identifier)

    @property
    def slugs(self) -> tuple[str, ...]:
        """Unique names for files: letters, digits, `-` and `_`, different ignoring case too."""
        return unique_slugs(self.identifier)

    @property
    def scale_T(self) -> np.ndarray:
        """The scales as an array, (targets,) float32."""
        return np.asarray(self.scale, dtype=np.float32)

    def to_json(self) -> str:
        """Write the table as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Targets":
        """Read a table that `to_json` wrote."""
        return cls(**{field: tuple(values) for field, values in json.loads(text).items()})

    @classmethod
    def from_names(
        cls, names: Sequence[str], units: str = "coverage", scale: Sequence[float] | None = None
    ) -> "Targets":
        """Make a table of unstranded targets from names alone."""
        return cls(
            identifier=tuple(names),
            description=tuple(names),
            strand_pair=tuple(range(len(names))),
            scale=tuple(float(value) for value in scale)
            if scale is not None
            else (1.0,) * len(names),
            units=(units,) * len(names),
        )


def unique_slugs(names: Sequence[str]) -> tuple[str, ...]:
    """Return a file name for each label, different for different places in the list.

    `+` and `-` at the end become `plus` and `minus`, other runs of odd characters one `-`; labels
    that still meet (also on file systems that ignore case) get their place in the list appended.
    """
    plain = [_slug(name) for name in names]
    taken: dict[str, int] = {}
    for slug in plain:
        taken[slug.lower()] = taken.get(slug.lower(), 0) + 1
    slugs: list[str] = []
    seen = {slug.lower() for slug in plain if taken[slug.lower()] == 1}
    for place, slug in enumerate(plain):
        if taken[slug.lower()] > 1:
            slug = f"{slug}-{place}"
            while slug.lower() in seen:
                slug += "x"
            seen.add(slug.lower())
        slugs.append(slug)
    return tuple(slugs)


def _slug(name: str) -> str:
    name = re.sub(r"\s*\+\s*$", "-plus", name)
    name = re.sub(r"\s*(?<=[\s\w)])-\s*$", "-minus", name)
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:80] or "target"
