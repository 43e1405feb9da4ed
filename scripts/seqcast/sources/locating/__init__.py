"""The step `locate`: the place of each window of a Basenji-style HDF5 file in a genome."""

from seqcast.sources.locating.describing import describe
from seqcast.sources.locating.overlaps import Overlaps, find_overlaps
from seqcast.sources.locating.placements import Placements, read_placements, write_placements
from seqcast.sources.locating.search import locate_windows

__all__ = [
    "Overlaps",
    "Placements",
    "describe",
    "find_overlaps",
    "locate_windows",
    "read_placements",
    "write_placements",
]
