"""Read the tracks of a genome, a group of targets on a stretch of a contig at a time."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqcast.core.chunks import find_groups
from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Track
from seqcast.sources.genome.planning import Plan, find_touched
from seqcast.sources.genome.tracks import (
    Cells,
    Reading,
    Stretch,
    cut_stretches,
    find_processes,
    read_groups,
)


@dataclass(frozen=True)
class Piece:
    """Coverage of a group of targets on a stretch, as it is stored.

    `number` counts the groups, `targets` are the group's, `values` (targets, cells) is NaN where
    nothing is known, and all of a replicate that there is none of.
    """

    number: int
    targets: slice
    stretch: Stretch
    values: np.ndarray


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


class Hidden:
    """Which cells of a genome no track can know: masked, mostly N, or cut short by a contig's end.

    Kept as bits: a genome has hundreds of millions of cells.
    """

    def __init__(self, settings: GenomeSettings) -> None:
        self._settings = settings
        self._bits: dict[str, np.ndarray] = {}

    def add(self, contig: str, codes: np.ndarray, mask: np.ndarray | None) -> None:
        """Look at a contig's sequence, (bases,), and what is masked of it, (n, 2) bases."""
        self._bits[contig] = np.packbits(find_unknown(self._settings, codes, mask))

    def read(self, stretch: Stretch, cell: int) -> np.ndarray:
        """Return which cells of a stretch are hidden, (cells,) bool; those of `cell` bases.

        That is the settings' cell, or a whole bin, which is hidden where any of its cells is.
        """
        settings = self._settings
        bins = -(-(stretch.end - stretch.start) // settings.bin_size)
        first, count = stretch.start // settings.cell, bins * (settings.bin_size // settings.cell)
        packed = self._bits[stretch.contig][first // 8 : (first + count) // 8 + 1]
        cells = np.unpackbits(packed)[first % 8 : first % 8 + count].astype(bool)
        return cells.reshape(-1, cell // settings.cell).any(axis=1)


def read_pieces(
    settings: GenomeSettings,
    tracks: tuple[Track | None, ...],
    rows: tuple[TargetRow, ...],
    plan: Plan,
    hidden: Hidden,
    signs: Signs,
    *,
    cell: int,
    threads: int,
    title: str,
) -> Iterator[Piece]:
    """Yield the coverage of the plan's contigs, group by group of targets and in order.

    Files are read by so many processes, into cells of `cell` bases. What is in memory does not grow
    with contigs or targets. Raises `SeqcastError` for values that cannot be coverage.
    """
    bases = sum(plan.lengths.values())
    files = sum(track is not None for track in tracks)
    work = [
        (number, targets, batch)
        for number, targets in enumerate(find_groups(len(tracks)))
        for batch in cut_stretches(
            plan.lengths, cell, settings.bin_size, len(range(len(tracks))[targets])
        )
    ]

    def list_readings(targets: slice, batch: list[Stretch]) -> list[tuple[int, Stretch, Reading]]:
        """Return what is to be read: of which track of the group, which stretch, and how."""
        return [
            (place, stretch, make_reading(settings, track, row, stretch, cell))
            for place, (track, row) in enumerate(zip(tracks[targets], rows[targets], strict=True))
            if track is not None
            for stretch in batch
            if stretch.contig in track.names
        ]

    # Made as they are needed: of many contigs and tracks they would be millions.
    groups = (
        [reading for *_, reading in list_readings(targets, batch)] for _, targets, batch in work
    )
    read = read_groups(groups, find_processes(bases * files, threads))
    with closing(read), progress(bases * len(tracks), title, "bases") as bar:
        for (number, targets, batch), found in zip(work, read, strict=True):
            count = len(range(len(tracks))[targets])
            unknown = {stretch: hidden.read(stretch, cell) for stretch in batch}
            values = {
                stretch: np.full((count, len(cells)), np.nan, np.float32)
                for stretch, cells in unknown.items()
            }
            readings = list_readings(targets, batch)
            for (place, stretch, reading), cells in zip(readings, found, strict=True):
                signs.add(reading.path, cells)
                values[stretch][place] = cells.values
            for stretch in batch:
                values[stretch][:, unknown[stretch]] = np.nan
                yield Piece(number, targets, stretch, values[stretch])
                bar.update(count * (stretch.end - stretch.start))


def make_reading(
    settings: GenomeSettings, track: Track, row: TargetRow, stretch: Stretch, cell: int
) -> Reading:
    """Return how a stretch of a target's track is read into cells of so many bases."""
    stat = row.sum_stat if row.sum_stat in ("max", "median") else "sum"
    start, end = stretch.start, stretch.end
    name = track.names[stretch.contig]
    return Reading(track.path, name, start, end, cell, settings.bin_size, stat, settings.missing)


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
