"""A part's predictions, as `<part>.h5`: all that tracks are joined of.

The format is specified in docs/formats.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.chunks import ChunkedArray, ChunkWriter, open_chunked
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN
from seqcast.data.targets import Targets
from seqcast.predict.genome_tracks.plan import Part

FORMAT = "seqcast-part"
FORMAT_VERSION = 3


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
        self._predicted = ChunkWriter(self._file, "predicted", *shape)

    def add(self, values_BT: np.ndarray) -> None:
        """Add the next bins, (bins, targets), NaN where nothing is predicted."""
        self._predicted.add(values_BT.T)

    def finish(self) -> None:
        """Give the file its name."""
        self._predicted.finish()
        self._keep()


@dataclass(frozen=True)
class PredictedPart:
    """A part that was predicted, (targets, bins); read by groups of targets.

    Neither open nor mapped: there may be thousands of parts.
    """

    path: Path
    shape: tuple[int, int]
    chunk: tuple[int, int]
    table: np.ndarray

    def read(self, targets: slice, first: int, end: int) -> np.ndarray:
        """Return bins of targets, (targets, end - first) float32, NaN where nothing is predicted.

        Bins are those of the part's spans, one after the other.
        """
        file = np.memmap(self.path, np.uint8, mode="r")
        array = ChunkedArray(self.shape, self.chunk, self.table, file)
        return array.read(first, end, targets)


def read_part(path: Path, part: Part, targets: Targets) -> PredictedPart:
    """Open a part; one of another plan or other targets is refused."""
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        predicted = open_chunked(path, file["predicted"])
        same = file.attrs["digest"] == part.digest
    if not same or predicted.shape != (len(targets), part.bins):
        raise SeqcastError(f"{path}: was predicted for another plan or other targets; {AGAIN}")
    return PredictedPart(path, predicted.shape, predicted.chunk, predicted.table)
