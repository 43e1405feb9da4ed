"""`replicates.h5`: coverage of independent replicates, for the noise ceiling.

The format is specified in docs/formats.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.hdf5 import Draft, open_hdf5, read_mapped
from seqcast.data.layout import REMEDY
from seqcast.data.targets import Targets

FORMAT = "seqcast-replicates"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Replicates:
    """Coverage of one replicate a target, read when it is asked for.

    `coverage` is (bins, targets) float32, row by row the dataset's bins, NaN where a target has no
    replicate. `included` (targets,) says whether a target is a sum that holds its replicate.
    """

    coverage: np.ndarray
    included: tuple[bool, ...]


class ReplicatesWriter(Draft):
    """Write replicates contig by contig; the file gets its name only when it is whole.

    Use as a context manager, `add` the bins of each contig, then `finish`.
    """

    def __init__(
        self, path: str | Path, bins: int, included: Sequence[bool], targets: Targets
    ) -> None:
        if len(included) != len(targets):
            raise ValueError(f"found {len(included)} in `included`, wanted {len(targets)}")
        super().__init__(path, 4 * bins * len(targets))
        self._coverage = self._file.create_dataset("coverage", (bins, len(targets)), np.float32)
        self._included, self._targets, self._added = list(map(bool, included)), targets, 0

    def add(self, coverage_BT: np.ndarray) -> None:
        """Add the next bins, (bins, targets)."""
        end = self._added + len(coverage_BT)
        if end > len(self._coverage):
            raise ValueError(f"found {end} bins, wanted {len(self._coverage)}")
        self._coverage[self._added : end] = coverage_BT
        self._added = end

    def finish(self, targets: Targets | None = None) -> None:
        """Write the targets table (where it was refined) and the file's name."""
        if self._added != len(self._coverage):
            raise ValueError(f"{self._added} bins were added of {len(self._coverage)}")
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            included=np.array(self._included, dtype=bool),
            targets=(targets or self._targets).to_json(),
        )
        self._keep()


def read_replicates(path: str | Path) -> Replicates:
    """Open a file of replicates; its coverage is memory-mapped, read-only."""
    path = Path(path)
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), REMEDY) as file:
        coverage = read_mapped(path, file["coverage"])
        return Replicates(coverage, tuple(map(bool, file.attrs["included"])))
