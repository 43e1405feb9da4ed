"""Read sequence and tracks of a genome together, contig by contig."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Layout, Track
from seqcast.sources.genome.planning import Plan, find_touched
from seqcast.sources.genome.tracks import (
    Cells,
    Reading,
    find_batches,
    find_processes,
    read_groups,
)


@dataclass(frozen=True)
class Contig:
    """A contig as it is stored.

    `coverage` (cells, targets) is NaN where nothing is known, `replicates` (bins, targets) also
    where there is none.
    """

    name: str
    codes: np.ndarray
    coverage: np.ndarray
    replicates: np.ndarray | None


@dataclass
class Signs:
    """The least and largest value of each bigWig so far; those below 0 are noted in `turned`."""

    allowed: bool
    found: dict[Path, tuple[float, float]] = field(default_factory=dict)

    @property
    def turned(self) -> tuple[Path, ...]:
        """The files that are negative throughout."""
        return tuple(path for path, (lowest, _) in self.found.items() if lowest < 0)

    def add(self, path: Path, cells: Cells) -> None:
        """Note a contig; raise `SeqcastError` where its signs cannot be coverage."""
        lowest, highest = self.found.get(path, (0.0, 0.0))
        lowest, highest = min(lowest, cells.lowest), max(highest, cells.highest)
        self.found[path] = lowest, highest
        if lowest < 0 < highest:
            raise SeqcastError(
                f"{path}: has values from {lowest:g} to {highest:g}, wanted none below 0; log"
                " ratios and z-scores are not coverage, take the track they were made of"
            )
        if lowest < 0 and not self.allowed:
            raise SeqcastError(
                f"{path}: its values lie from {lowest:g} to 0, as minus strands are sometimes"
                " stored; set dataset.negative: abs to turn the sign"
            )


def read_contigs(
    settings: GenomeSettings,
    layout: Layout,
    plan: Plan,
    rows: tuple[TargetRow, ...],
    signs: Signs,
    *,
    replicates: bool,
    threads: int,
) -> Iterator[Contig]:
    """Yield the plan's contigs in order, the tracks of a contig read by so many processes.

    A cell is NaN where a mask touches it, where more than half of it is N, and where the contig's
    end cuts it short. Raises `SeqcastError` for values that cannot be coverage.
    """
    others = layout.replicates if replicates else ()
    bases = sum(plan.lengths.values())
    files = len(layout.tracks) + sum(track is not None for track in others)
    batches = find_batches(plan.lengths, settings.cell, settings.bin_size, files)

    def list_readings(batch: Mapping[str, int]) -> list[tuple[str, Reading]]:
        """Return what is to be read of contigs, of tracks first and then of replicates."""
        return make_readings(settings, layout.tracks, rows, batch, settings.cell) + make_readings(
            settings, others, rows, batch, settings.bin_size
        )

    # Made as they are needed: of many contigs and tracks they would be millions.
    groups = ([reading for _, reading in list_readings(batch)] for batch in batches)
    read = read_groups(groups, find_processes(bases * files, threads))
    with closing(read), progress(bases, "dataset", "bases") as bar:
        for batch, cells in zip(batches, read, strict=True):
            of_contig: dict[str, list[Cells]] = {name: [] for name in batch}
            for (name, reading), each in zip(list_readings(batch), cells, strict=True):
                signs.add(reading.path, each)
                of_contig[name].append(each)
            for name, length in batch.items():
                yield _make_contig(settings, layout, name, others, of_contig[name])
                bar.update(length)


def make_readings(
    settings: GenomeSettings,
    tracks: tuple[Track | None, ...],
    rows: tuple[TargetRow, ...],
    lengths: Mapping[str, int],
    cell: int,
) -> list[tuple[str, Reading]]:
    """Return what is to be read of contigs, track by track, of the tracks that have them."""
    bins, missing = settings.bin_size, settings.missing
    stats = [row.sum_stat if row.sum_stat in ("max", "median") else "sum" for row in rows]
    return [
        (name, Reading(track.path, track.names[name], length, cell, bins, stat, missing))
        for track, stat in zip(tracks, stats, strict=bool(tracks))
        if track is not None
        for name, length in lengths.items()
        if name in track.names
    ]


def _make_contig(
    settings: GenomeSettings,
    layout: Layout,
    name: str,
    others: tuple[Track | None, ...],
    cells: list[Cells],
) -> Contig:
    """Put the tracks of a contig side by side and blot out what is not known."""
    codes = layout.fasta.codes(name)
    unknown, read = find_unknown(settings, codes, layout.mask.get(name)), iter(cells)
    coverage = _stack(layout.tracks, name, len(unknown), read)
    coverage[unknown] = np.nan
    if not others:
        return Contig(name, codes, coverage, None)
    unknown = unknown.reshape(-1, settings.bin_size // settings.cell).any(axis=1)
    replicates = _stack(others, name, len(unknown), read)
    replicates[unknown] = np.nan
    return Contig(name, codes, coverage, replicates)


def _stack(
    tracks: tuple[Track | None, ...], name: str, size: int, cells: Iterator[Cells]
) -> np.ndarray:
    """Put a contig's cells side by side, (size, tracks); NaN where a track lacks the contig."""
    values = np.full((size, len(tracks)), np.nan, dtype=np.float32)
    for place, track in enumerate(tracks):
        if track is not None and name in track.names:
            values[:, place] = next(cells).values
    return values


def find_unknown(
    settings: GenomeSettings, codes: np.ndarray, mask: np.ndarray | None
) -> np.ndarray:
    """Return which cells of a contig are unknown, (cells,) bool: masked, mostly N, cut short."""
    cell, bin_size = settings.cell, settings.bin_size
    size = -(-codes.size // bin_size) * (bin_size // cell)
    whole = codes.size // cell
    unknown = np.ones(size, dtype=bool)
    unknown[:whole] = (codes[: whole * cell] == N).reshape(whole, cell).sum(axis=1) > cell / 2
    if mask is not None:
        unknown |= find_touched(mask, cell, size)
    return unknown
