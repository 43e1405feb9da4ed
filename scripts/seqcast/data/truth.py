"""`truth.h5`: the noiseless rates behind simulated coverage.

The format is specified in docs/formats.md.
"""

from pathlib import Path

import numpy as np

from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.data.layout import REMEDY
from seqcast.data.targets import Targets

FORMAT = "seqcast-truth"
FORMAT_VERSION = 2


class TruthWriter(Draft):
    """Write the noiseless rates of simulated tracks."""

    def write(self, rate_BT: np.ndarray, targets: Targets) -> None:
        """Write the expected coverage, (bins, targets), and give the file its name."""
        table = targets.to_json()
        self._file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, targets=table)
        self._file["rate"] = rate_BT
        self._keep()


def write_truth(path: Path, rate_BT: np.ndarray, targets: Targets) -> None:
    """Write the expected coverage, (bins, targets), row by row that of the dataset's coverage."""
    with TruthWriter(path, rate_BT.nbytes) as writer:
        writer.write(rate_BT, targets)


def read_truth(path: Path) -> np.ndarray:
    """Read the expected coverage, (bins, targets) float32."""
    with open_hdf5(Path(path), (FORMAT, FORMAT_VERSION), REMEDY) as file:
        return file["rate"][()]
