"""`dataset.h5`: contigs with their coverage, and windows as a table over them.

The format is specified in docs/formats.md. One writer (`DatasetWriter`), one reader
(`read_dataset`), one checker (`check_dataset`).
"""

from seqcast.data.layout import (
    FORMAT,
    FORMAT_VERSION,
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    Piece,
    find_split_overlaps,
    make_folds,
    make_windows,
    pool_cells,
    sum_cells,
)
from seqcast.data.reading import Dataset, check_dataset, read_dataset
from seqcast.data.writing import DatasetWriter, PieceWriter, write_manifest

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "SPLITS",
    "WINDOW_DTYPE",
    "Contigs",
    "Dataset",
    "DatasetWriter",
    "Piece",
    "PieceWriter",
    "check_dataset",
    "find_split_overlaps",
    "make_folds",
    "make_windows",
    "pool_cells",
    "read_dataset",
    "sum_cells",
    "write_manifest",
]
