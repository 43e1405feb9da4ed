"""A part's predictions, as `<part>.h5`: all that tracks are joined of.

The format is specified in docs/formats.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN
from seqcast.data.targets import Targets
from seqcast.predict.genome_tracks.plan import Part

FORMAT = "seqcast-part"
FORMAT_VERSION = 2


class PartWriter(Draft):
    """Write a part's bins block by block; the file gets its name only when it is whole.

    Use as a context manager, `add` the bins of all spans in order, then `finish`.
    """

    def __init__(self, path: Path, part: Part, targets: Targets, facts: Mapping[str, str]) -> None:
        shape = (len(targets), part.bins)
        super().__init__(path, 4 * shape[0] * shape[1])
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            targets=targets.to_json(),
            digest=part.digest,
            **facts,
        )
        # A target's bins side by side: a track reads its own and no other.
        self._predicted = self._file.create_dataset("predicted", shape, "<f4")
        self._added = 0

    def add(self, values_BT: np.ndarray) -> None:
        """Add the next bins, (bins, targets), NaN where nothing is predicted."""
        end = self._added + len(values_BT)
        self._predicted[:, self._added : end] = values_BT.T
        self._added = end

    def finish(self) -> None:
        """Give the file its name."""
        wanted = self._predicted.shape[1]
        if self._added != wanted:
            raise ValueError(f"{self._added} bins were added of {wanted}")
        self._keep()


@dataclass(frozen=True)
class PredictedPart:
    """A part that was predicted, (targets, bins); read target by target.

    Neither open nor mapped: there may be thousands of parts. `offset` is where values begin.
    """

    path: Path
    offset: int
    bins: int

    def read(self, target: int, first: int, end: int) -> np.ndarray:
        """Return bins of a target, (end - first,) float32, NaN where nothing is predicted.

        Bins are those of the part's spans, one after the other.
        """
        with open(self.path, "rb") as file:
            file.seek(self.offset + 4 * (target * self.bins + first))
            return np.fromfile(file, "<f4", end - first)


def read_part(path: Path, part: Part, targets: Targets) -> PredictedPart:
    """Open a part; one of another plan or other targets is refused."""
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        predicted = file["predicted"]
        offset, shape = predicted.id.get_offset(), predicted.shape
        same = file.attrs["digest"] == part.digest
    if not same or offset is None or shape != (len(targets), part.bins):
        raise SeqcastError(f"{path}: was predicted for another plan or other targets; {AGAIN}")
    return PredictedPart(path, offset, part.bins)
