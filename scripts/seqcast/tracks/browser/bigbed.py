"""BED files as bigBed, the form in which UCSC's hubs take them."""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import pybigtools

from seqcast.core.disk import written_whole
from seqcast.core.seal import read_sealed
from seqcast.tracks.table import GENOME_REMEDY

# Place in the header of the format (Kent et al. 2010, supplementary table 5).
_FIELD_COUNTS = 32


def write_bigbed(path: str | Path, bed: str | Path, chrom_sizes: Mapping[str, int]) -> bool:
    """Write a BED file as bigBed and say whether there was a line in it.

    It has BED's own columns, as many as its first line. Lines have to be sorted by chromosome and
    start. The file gets its name when it is whole.
    """
    path = Path(path)
    lines = [line.split("\t") for line in read_sealed(bed, GENOME_REMEDY).splitlines()]
    if not lines:
        return False
    # pybigtools goes by the ending.
    with written_whole(path, ending=".partial.bb") as partial:
        pybigtools.open(str(partial), "w").write(dict(chrom_sizes), _entries(lines))
        with open(partial, "r+b") as file:
            # pybigtools describes three columns whatever it writes. Without a description
            # (offset 0) readers take the columns to be those of BED, as many as are counted.
            file.seek(_FIELD_COUNTS)
            file.write(struct.pack("<HHQ", len(lines[0]), len(lines[0]), 0))
    return True


def _entries(lines: list[list[str]]) -> Iterator[tuple[str, int, int, str]]:
    for chrom, start, end, *rest in lines:
        yield chrom, int(start), int(end), "\t".join(rest)
