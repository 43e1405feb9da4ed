"""The table of targets: what each predicted track is."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, PositiveInt

from seqcast.core.printable import to_printable
from seqcast.settings.headers import check_header

# What a file may hold; in memory a scale that is not settled yet is NaN.
_Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Mean = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SUM_STATS = ("sum", "mean", "sum_sqrt", "mean_sqrt", "median", "max")


@dataclass(frozen=True)
class Targets:
    """The targets of a dataset, model or prediction; every field has one entry a target.

    `coverage` in files is what a bin holds as it was read: the sum over its bases, or their median
    or maximum where `sum_stat` says so. Training sees `to_training` of it, predictions come back
    through `from_training`. The columns are those of Basenji's table: `scale` multiplies,
    `clip_soft` compresses what lies above it, `clip` is the largest value training would see. A
    value divided by `span` is in the units of the track it was read from. `strand_pair` is the
    index of the same track on the other strand, its own where the track has no strand. Names and
    units may be anybody's; control characters in them are written as `\\t` or `\\x1b`, for they end
    in tables and on terminals.

    `mean` is the mean coverage of the training bins, `training_unit` their mean after scale, roots
    and clips. Training divides by it, so that each target weighs as much as any other in the loss,
    whatever its units are.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    identifier: tuple[str, ...]
    description: tuple[str, ...]
    strand_pair: tuple[int, ...]
    scale: tuple[_Factor, ...]
    units: tuple[str, ...]
    sum_stat: tuple[str, ...] = ()
    clip_soft: tuple[_Factor | None, ...] = ()
    clip: tuple[_Factor | None, ...] = ()
    span: tuple[PositiveInt, ...] = ()
    mean: tuple[_Mean, ...] = ()
    training_unit: tuple[_Factor, ...] = ()

    def __post_init__(self) -> None:
        for column in ("identifier", "description", "units"):
            object.__setattr__(self, column, tuple(map(to_printable, getattr(self, column))))
        plain = {"sum_stat": "sum", "clip_soft": None, "clip": None, "span": 1}
        plain |= {"mean": 1.0, "training_unit": 1.0}
        for column, value in plain.items():
            if not getattr(self, column):
                object.__setattr__(self, column, (value,) * len(self.identifier))
        lengths = {field: len(values) for field, values in asdict(self).items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"targets table has columns of different lengths: {lengths}")
        if strange := set(self.sum_stat) - set(SUM_STATS):
            raise ValueError(f"sum_stat is {', '.join(strange)}, wanted {', '.join(SUM_STATS)}")
        for index, pair in enumerate(self.strand_pair):
            if not 0 <= pair < len(self) or self.strand_pair[pair] != index:
                raise ValueError(
                    f"target {self.identifier[index]!r} has strand pair {pair}, which does not"
                    " point back at it"
                )

    def __len__(self) -> int:
        return len(self.identifier)

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        """Unique names for files: letters, digits, `-` and `_`, different ignoring case too."""
        return unique_slugs(self.identifier)

    @cached_property
    def scaling(self) -> "Scaling":
        """What `to_training` and `from_training` compute with, as arrays."""
        per_base = [stat.startswith("mean") for stat in self.sum_stat]
        soft, hard = (
            np.array([np.inf if limit is None else limit for limit in limits], dtype=np.float32)
            for limits in (self.clip_soft, self.clip)
        )
        return Scaling(
            factor=np.asarray(self.scale / np.where(per_base, self.span, 1), dtype=np.float32),
            is_rooted=np.array([stat.endswith("_sqrt") for stat in self.sum_stat], dtype=bool),
            soft=soft,
            hard=hard,
            unit=np.asarray(self.training_unit, dtype=np.float32),
        )

    @property
    def mean_T(self) -> np.ndarray:
        """Mean coverage of the training bins, 1 where all are 0, (targets,) float64.

        Logarithms are of 1 + coverage in this unit: the same whatever units a track came in.
        """
        mean = np.asarray(self.mean, dtype=np.float64)
        return np.where(mean > 0, mean, 1)

    def to_training(self, coverage: np.ndarray) -> np.ndarray:
        """Turn coverage (..., targets) into what training sees; see `Scaling.to_training`."""
        return self.scaling.to_training(coverage)

    def from_training(self, values: np.ndarray) -> np.ndarray:
        """Undo `to_training`; what a hard clip cut off does not come back."""
        return self.scaling.from_training(values)

    def to_json(self) -> str:
        """Write the table as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, path: str | Path = "targets") -> "Targets":
        """Read a table that `to_json` wrote, as it stands in a file.

        Raises `SeqcastError` where it is none.
        """
        return check_header(cls, text, path, "make the file anew")

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


@dataclass(frozen=True)
class Scaling:
    """How coverage becomes what training sees, and back: a number a target in each, (targets,).

    The numbers are arrays, or after `on` tensors of a device: numpy and torch call these functions
    alike, so that one formula serves both.
    """

    factor: Any
    is_rooted: Any
    soft: Any
    hard: Any
    unit: Any

    def on(self, convert: Callable[[np.ndarray], Any]) -> "Scaling":
        """Return the same with each array converted: to a tensor, or to some of its targets."""
        return Scaling(**{name: convert(getattr(self, name)) for name in _NUMBERS})

    @property
    def library(self) -> ModuleType:
        """Numpy or torch, whichever computes with these numbers."""
        # Where there are tensors torch is imported; here it is not, as most rules do without.
        return np if isinstance(self.factor, np.ndarray) else sys.modules["torch"]

    # Most tables have no scale and no soft limit, some no limit: some passes over a batch less.

    @cached_property
    def _has_factor(self) -> bool:
        return not bool((self.factor == 1).all())

    @cached_property
    def _has_roots(self) -> bool:
        return bool(self.is_rooted.any())

    @cached_property
    def _has_soft(self) -> bool:
        return not bool(self.library.isinf(self.soft).all())

    @cached_property
    def _has_hard(self) -> bool:
        return not bool(self.library.isinf(self.hard).all())

    def to_training(self, coverage: Any, out: Any | None = None) -> Any:
        """Turn coverage (..., targets) into what training sees: scaled, clipped, in its unit.

        The formulas and their order are Basenji's (`basenji_data_read.py`): scale, then
        -1 + sqrt(1 + v) for the `sqrt` statistics, above `clip_soft` c: c - 1 + sqrt(v - c + 1),
        then the hard `clip`. Last comes the `training_unit`, by which it is divided. NaN stays NaN.
        The result goes into `out` where it is given.
        """
        call = self.library
        v = coverage * self.factor if self._has_factor else coverage
        if self._has_roots:
            v = call.where(self.is_rooted, call.sqrt(1 + v) - 1, v)
        if self._has_soft:
            # A sum that leaves a target without a limit, where c is infinite, as it is.
            above = call.clip(v - self.soft, 0, None)
            v = call.minimum(v, self.soft) + (call.sqrt(1 + above) - 1)
        if self._has_hard:
            v = call.minimum(v, self.hard)
        return call.divide(v, self.unit, out=out)

    def from_training(self, values: Any) -> Any:
        """Undo `to_training`; what a hard clip cut off does not come back."""
        call = self.library
        v = values * self.unit
        if self._has_soft:
            # The inverse of sqrt(1 + x) - 1 is y (y + 2).
            above = call.clip(v - self.soft, 0, None)
            v = call.minimum(v, self.soft) + above * (above + 2)
        if self._has_roots:
            v = call.where(self.is_rooted, v * (v + 2), v)
        return v / self.factor


_NUMBERS = ("factor", "is_rooted", "soft", "hard", "unit")


def unique_slugs(names: Sequence[str]) -> tuple[str, ...]:
    """Return a file name for each label, a different one for each.

    `+` and `-` at the end become `plus` and `minus`, other runs of odd characters one `-`; labels
    that still meet (also on file systems that ignore case) get their number in the list appended.
    """
    plain = [_slug(name) for name in names]
    taken: dict[str, int] = {}
    for slug in plain:
        taken[slug.lower()] = taken.get(slug.lower(), 0) + 1
    slugs: list[str] = []
    seen = {slug.lower() for slug in plain if taken[slug.lower()] == 1}
    for number, slug in enumerate(plain):
        if taken[slug.lower()] > 1:
            slug = f"{slug}-{number}"
            while slug.lower() in seen:
                slug += "x"
            seen.add(slug.lower())
        slugs.append(slug)
    return tuple(slugs)


def _slug(name: str) -> str:
    name = re.sub(r"\s*\+\s*$", "-plus", name)
    name = re.sub(r"\s*(?<=[\s\w)])-\s*$", "-minus", name)
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:80] or "target"
