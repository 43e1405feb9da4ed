"""The files of tracks: what they are called, how they are read, what programs call their format."""

from collections.abc import Collection
from pathlib import Path, PurePath
from typing import NamedTuple

import pybigtools

from seqcast.tracks.table import OBSERVED, PREDICTED

ENDING = ".bw"


class Format(NamedTuple):
    """What programs call a format; of JBrowse the adapter, and its key for the file."""

    igv_js: str
    igv: str
    ucsc: str
    jbrowse: tuple[str, str]


FORMATS = {ENDING: Format("bigwig", "bw", "bigWig", ("BigWigAdapter", "bigWigLocation"))}


def name_track(slug: str, model: str, kind: str) -> str:
    """Return what the file of a track is called, by its target's slug."""
    words = {OBSERVED: (OBSERVED,), PREDICTED: (model,)}.get(kind, (model, kind))
    return ".".join((slug, *words)) + ENDING


def format_of(file: str) -> Format:
    """Return the format of a track's file, by its ending."""
    return FORMATS[PurePath(file).suffix]


def open_values(path: str | Path) -> pybigtools.BBIReader:
    """Open what a track holds: its contigs, its records, means over bins, levels of zoom."""
    return pybigtools.open(str(path))


def remove_strays(folder: Path, kept: Collection[str], *patterns: str) -> None:
    """Remove files of an earlier run of other targets or models: no table would list them."""
    for pattern in (f"*{ENDING}", *patterns):
        for path in folder.glob(pattern):
            if path.name not in kept:
                path.unlink()
