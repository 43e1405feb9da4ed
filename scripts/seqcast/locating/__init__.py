"""The step `locate`: the place of each window of a Basenji-style HDF5 file in a genome."""

from seqcast.locating.describing import describe
from seqcast.locating.overlaps import Overlaps, find_overlaps
from seqcast.locating.placements import Placements, read_placements, write_placements
from seqcast.locating.search import locate_windows

__all__ = [
    "Overlaps",
    "Placements",
    "describe",
    "find_overlaps",
    "locate_windows",
    "read_placements",
    "write_placements",
]
