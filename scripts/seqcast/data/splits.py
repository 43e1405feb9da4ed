"""`splits.bed`: which stretches of the genome were train, valid and test."""

from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.seal import write_sealed
from seqcast.data import SPLITS, Dataset

# Colours that differ for every reader, none of them a track's; the name says it as well.
COLOURS = {"train": "127,127,127", "valid": "204,121,167", "test": "0,158,115"}


class Stretch(NamedTuple):
    """Neighbouring windows of one split, or of one part of folds."""

    chrom: str
    start: int
    end: int
    split: str
    name: str


def find_stretches(dataset: Dataset) -> list[Stretch]:
    """Return the stretches of all windows with a place, by chromosome (in byte order) and start.

    With folds each part of the genome was once the test: its name says in which fold.
    """
    rows = np.arange(len(dataset.windows))
    margin = dataset.crop * dataset.bin_size
    chroms, starts, ends = dataset.intervals_of(rows)
    sizes = dataset.contigs.chrom_sizes
    groups: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for chrom, start, end, (split, name) in zip(
        chroms, starts - margin, ends + margin, _name_windows(dataset), strict=True
    ):
        if chrom in sizes:
            groups.setdefault((chrom, split, name), []).append((int(start), int(end)))
    found = [
        Stretch(chrom, *bounds, split, name)
        for (chrom, split, name), windows in groups.items()
        for bounds in _merge(windows)
    ]
    return sorted(found, key=lambda each: (each.chrom.encode(), each.start))


def write_splits(path: Path, dataset: Dataset, chroms: Container[str]) -> None:
    """Write the stretches on some chromosomes as BED9, coloured by split.

    Others are left out: browsers refuse what lies on a chromosome that they do not know. The file
    gets its name when it is whole.
    """
    lines = [
        f"{each.chrom}\t{each.start}\t{each.end}\t{each.name}\t0\t.\t{each.start}\t{each.end}"
        f"\t{COLOURS[each.split]}\n"
        for each in find_stretches(dataset)
        if each.chrom in chroms
    ]
    write_sealed(path, "".join(lines))


def _name_windows(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield split and name of each window; igv.js takes a blank for the end of a column."""
    if dataset.folds == 1:
        yield from ((SPLITS[split], SPLITS[split]) for split in dataset.windows["split"])
    else:
        yield from (("test", f"test_in_fold_{part + 1}") for part in dataset.parts)


def _merge(windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
