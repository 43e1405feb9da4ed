"""Read the tracks of a genome, a group of targets on a stretch of a contig at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.chunks import find_groups
from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Inputs, Layout, Track
from seqcast.sources.genome.planning import mark_touched
from seqcast.sources.genome.stored import StoredTrack, Wanted, store_tracks
from seqcast.sources.genome.tracks import Stretch, cut_stretches


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


class Hidden:
    """Which cells of a genome no track can know: masked, mostly N, or cut short by a contig's end.

    Kept as bits: a genome has hundreds of millions of cells.
    """

    def __init__(self, settings: GenomeSettings) -> None:
        self._settings = settings
        self._bits: dict[str, np.ndarray] = {}

    def add(self, contig: str, codes: np.ndarray, mask: np.ndarray | None) -> None:
        """Look at a contig's sequence, (bases,), and what is masked of it, (n, 2) bases."""
        self._bits[contig] = np.packbits(mark_unknown(self._settings, codes, mask))

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


def store(
    settings: GenomeSettings,
    inputs: Inputs,
    layout: Layout,
    threads: int,
    *,
    replicates: bool = False,
) -> list[StoredTrack | None]:
    """Store the cells of the targets' tracks, or the bins of their replicates; see `store_tracks`.

    Raises `SeqcastError` where values cannot be coverage.
    """
    tracks = layout.replicates if replicates else layout.tracks
    cell = settings.bin_size if replicates else settings.cell
    wanted = [
        track and make_wanted(settings, track, row, layout.lengths, cell)
        for track, row in zip(tracks, inputs.rows, strict=True)
    ]
    stored = store_tracks(wanted, inputs.work, threads)
    for track, found in zip(tracks, stored, strict=True):
        if track and found:
            check_sign(track.path, found, is_turned=settings.negative == "abs")
    return stored


def make_wanted(
    settings: GenomeSettings, track: Track, row: TargetRow, lengths: Mapping[str, int], cell: int
) -> Wanted:
    """Return what is to be read of a target's track, of the contigs that it has."""
    return Wanted(
        track,
        {name: length for name, length in lengths.items() if name in track.names},
        cell,
        settings.bin_size,
        row.sum_stat if row.sum_stat in ("max", "median") else "sum",
        settings.missing,
    )


def check_sign(path: Path, found: StoredTrack, *, is_turned: bool) -> None:
    """Raise `SeqcastError` where a track's signs cannot be coverage, turned or not."""
    if found.lowest < 0 < found.highest:
        raise SeqcastError(
            f"{path}: has values from {found.lowest:g} to {found.highest:g}, wanted none below 0;"
            " log ratios and z-scores are not coverage, take the track they were made of"
        )
    if found.lowest < 0 and not is_turned:
        raise SeqcastError(
            f"{path}: its values lie from {found.lowest:g} to 0, as minus strands are sometimes"
            " stored; set dataset.negative: abs to turn the sign"
        )


def read_pieces(
    settings: GenomeSettings,
    stored: Sequence[StoredTrack | None],
    lengths: Mapping[str, int],
    hidden: Hidden,
    *,
    cell: int,
    title: str,
) -> Iterator[Piece]:
    """Yield the coverage of contigs, group by group of targets and in order, hidden cells NaN.

    What is in memory does not grow with contigs or targets. `cell` is that of the stored tracks.
    """
    total = sum(lengths.values()) * len(stored)
    with progress(total, title, "bases") as bar:
        for number, targets in enumerate(find_groups(len(stored))):
            own = [
                (row, track.first, track.open())
                for row, track in enumerate(stored[targets])
                if track
            ]
            count = len(stored[targets])
            for stretch in cut_stretches(lengths, cell, settings.bin_size, count):
                unknown = hidden.read(stretch, cell)
                values = np.full((count, len(unknown)), np.nan, np.float32)
                for row, first, cells in own:
                    if stretch.contig in first:
                        start = first[stretch.contig] + stretch.start // cell
                        cells.read(start, start + len(unknown), out=values[row : row + 1])
                values[:, unknown] = np.nan
                yield Piece(number, targets, stretch, values)
                bar.update(count * (stretch.end - stretch.start))


def mark_unknown(
    settings: GenomeSettings, codes: np.ndarray, mask: np.ndarray | None
) -> np.ndarray:
    """Return which cells of a contig are unknown, (cells,) bool: masked, mostly N, cut short."""
    cell, bin_size = settings.cell, settings.bin_size
    size = -(-codes.size // bin_size) * (bin_size // cell)
    whole = codes.size // cell
    unknown = np.ones(size, dtype=bool)
    unknown[:whole] = (codes[: whole * cell] == N).reshape(whole, cell).sum(axis=1) > cell / 2
    if mask is not None:
        unknown |= mark_touched(mask, cell, size)
    return unknown
