"""Arrays too large for the memory as `.npz`, which numpy reads as its own."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqcast.core.disk import written_whole

# `explain.json`, which lists the arrays, and what it calls them.
FORMAT, FORMAT_VERSION = "seqcast-explain", 1
SEQUENCE, HYPOTHETICAL = "ohe", "attr"
# A zip file keeps dates; this is its first, so that the same arrays make the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def write_npz(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, rows: Iterable[np.ndarray]
) -> None:
    """Write an array of a shape as `arr_0`, compressed, row by row of its first axis."""
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    entry = zipfile.ZipInfo("arr_0.npy", _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with (
        written_whole(path) as partial,
        zipfile.ZipFile(partial, "w") as archive,
        archive.open(entry, "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows:
            file.write(np.ascontiguousarray(row, dtype).tobytes())
