"""`truth.h5`, `replicates.h5`: what predictions and tracks are held against, bin by bin.

The noiseless rates behind simulated coverage, or the coverage of independent replicates: either
says how good a prediction can be. The format is specified in docs/formats.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.chunks import ChunkedArray, ChunkWriter, open_chunked
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.data.layout import REMEDY
from seqcast.data.targets import Targets

FORMAT = "seqcast-reference"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Reference:
    """A second value for every bin of a dataset, read when it is asked for.

    `coverage` is (targets, bins) float32, bin by bin the dataset's, NaN where nothing is known.
    `included` (targets,) says whether a target is a sum that holds its replicate.
    """

    coverage: ChunkedArray
    included: tuple[bool, ...]


class ReferenceWriter(Draft):
    """Write rates or replicates; the file gets its name only when it is whole.

    Use as a context manager, add the bins of all targets to `coverage`, then `finish`. `included`
    is as in `Reference`; without it no target holds what is written.
    """

    def __init__(
        self,
        path: str | Path,
        bins: int,
        targets: Targets,
        included: Sequence[bool] | None = None,
    ) -> None:
        included = [False] * len(targets) if included is None else included
        if len(included) != len(targets):
            raise ValueError(f"found {len(included)} in `included`, wanted {len(targets)}")
        super().__init__(path, 0)
        self.coverage = ChunkWriter(self._file, "coverage", len(targets), bins)
        self._included = np.array(included, dtype=bool)
        self._targets = targets

    def finish(self, targets: Targets | None = None) -> None:
        """Write the targets table (where it was refined) and the file's name."""
        self.coverage.finish()
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            included=self._included,
            targets=(targets or self._targets).to_json(),
        )
        self._keep()


def write_truth(path: Path, rate_BT: np.ndarray, targets: Targets) -> None:
    """Write the expected coverage of the dataset's bins, (bins, targets)."""
    with ReferenceWriter(path, len(rate_BT), targets) as writer:
        writer.coverage.add(rate_BT.T)
        writer.finish()


def read_reference(path: str | Path) -> Reference:
    """Open rates or replicates; their values stay on disk."""
    path = Path(path)
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), REMEDY) as file:
        return Reference(
            open_chunked(path, file["coverage"]), tuple(map(bool, file.attrs["included"]))
        )
