"""`truth.h5`: the noiseless rates behind simulated coverage.

The format is specified in docs/formats.md.
"""

import os
from pathlib import Path

import h5py
import numpy as np

from seqcast.damage import refuse_damage
from seqcast.disk import check_format, make_room
from seqcast.targets import Targets

FORMAT = "seqcast-truth"
FORMAT_VERSION = 1


def write_truth(path: Path, rate_BT: np.ndarray, targets: Targets) -> None:
    """Write the expected coverage, (bins, targets), row by row that of the dataset's coverage."""
    partial = path.with_name(path.name + ".partial")
    make_room(partial, rate_BT.nbytes)
    with h5py.File(partial, "w") as file:
        file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, targets=targets.to_json())
        file["rate"] = rate_BT
    os.replace(partial, path)


def read_truth(path: Path) -> np.ndarray:
    """Read the expected coverage, (bins, targets) float32."""
    mend = "delete the file and run `snakemake dataset`"
    with refuse_damage(path, "cannot be read as HDF5", mend), h5py.File(path, "r") as file:
        check_format(path, file.attrs, (FORMAT, FORMAT_VERSION), mend)
        return file["rate"][()]
