"""Read the tracks of a genome, a group of targets on a stretch of a contig at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.chunks import ChunkedArray
from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.layout import Inputs, Layout, Track
from seqcast.sources.genome.planning import mark_touched
from seqcast.sources.genome.stored import StoredTrack, Wanted, store_tracks
from seqcast.sources.genome.tracks import Stretch, cut_stretches
from seqcast.sources.genome.unknown import count_before


class Hidden:
    """Which cells of a genome no track can know: masked, mostly N, or cut short by a contig's end.

    Kept as bits: a genome has hundreds of millions of cells.
    """

    def __init__(self, settings: GenomeSettings) -> None:
        self._settings = settings
        self._bits: dict[str, np.ndarray] = {}

    def add(self, contig: str, length: int, runs: np.ndarray, mask: np.ndarray | None) -> None:
        """Look at a contig's runs of N, and what is masked of it, (n, 2) bases each."""
        self._bits[contig] = np.packbits(mark_unknown(self._settings, length, runs, mask))

    def read(self, stretch: Stretch, cell: int) -> np.ndarray:
        """Return which cells of a stretch are hidden, (cells,) bool; those of `cell` bases.

        That is the settings' cell, or a whole bin, which is hidden where any of its cells is.
        """
        settings = self._settings
        first = stretch.start // settings.cell
        count = stretch.count_bins(settings.bin_size) * (settings.bin_size // settings.cell)
        packed = self._bits[stretch.contig][first // 8 : (first + count) // 8 + 1]
        cells = np.unpackbits(packed)[first % 8 : first % 8 + count].astype(bool)
        return cells.reshape(-1, cell // settings.cell).any(axis=1)


@dataclass(frozen=True)
class Piece:
    """A group of targets on some stretches, to be read by any thread.

    `number` counts the groups, `targets` are the group's, `tracks` their cells and where in them
    each contig begins, None of a replicate that there is none of. A bin has `per_bin` cells.
    """

    number: int
    targets: slice
    stretches: Sequence[Stretch]
    tracks: Sequence[tuple[ChunkedArray, Mapping[str, int]] | None]
    hidden: Hidden
    bin_size: int
    per_bin: int

    def read(self) -> np.ndarray:
        """Read the coverage (targets, cells), stretch after stretch, NaN where nothing is known."""
        cell = self.bin_size // self.per_bin
        unknown = np.concatenate([self.hidden.read(each, cell) for each in self.stretches])
        values = np.full((len(self.tracks), len(unknown)), np.nan, np.float32)
        bins_TBk = values.reshape(len(values), -1, self.per_bin)
        for bins_Bk, track in zip(bins_TBk, self.tracks, strict=True):
            if track:
                _read_bins(*track, self.stretches, self.bin_size, bins_Bk)
        values[:, unknown] = np.nan
        return values


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


def cut_pieces(
    settings: GenomeSettings,
    stored: Sequence[StoredTrack | None],
    groups: Sequence[slice],
    lengths: Mapping[str, int],
    hidden: Hidden,
    *,
    cell: int,
    title: str,
) -> Iterator[Piece]:
    """Yield pieces of the coverage of contigs, group by group of targets and in order.

    What one holds does not grow with contigs or targets. `cell` is that of the stored tracks.
    """
    size, total = settings.bin_size, sum(lengths.values()) * len(stored)
    with progress(total, title, "bases") as bar:
        for number, targets in enumerate(groups):
            tracks = [track and (track.open(), track.first) for track in stored[targets]]
            for stretches in cut_stretches(lengths, cell, size, len(tracks)):
                yield Piece(number, targets, stretches, tracks, hidden, size, size // cell)
                bar.update(len(tracks) * sum(each.end - each.start for each in stretches))


def _read_bins(
    cells: ChunkedArray,
    first: Mapping[str, int],
    stretches: Sequence[Stretch],
    bin_size: int,
    bins_Bk: np.ndarray,
) -> None:
    """Read a track's bins of stretches, cells of each, but for contigs that it lacks.

    Each chunk is unpacked once, however many contigs lie in it.
    """
    per_bin = bins_Bk.shape[1]
    counts = [each.count_bins(bin_size) for each in stretches]
    # The bin that each stretch begins with in the track.
    starts = np.array(
        [
            first[each.contig] // per_bin + each.start // bin_size if each.contig in first else -1
            for each in stretches
        ]
    )
    shifts = starts - np.cumsum([0, *counts[:-1]])
    if starts[0] >= 0 and (shifts == shifts[0]).all():
        # They follow each other in the track, as they do but where contigs are left out.
        start, size = int(starts[0]) * per_bin, bins_Bk.size
        cells.read(start, start + size, out=bins_Bk.reshape(1, size))
        return
    here = np.flatnonzero(np.repeat(starts >= 0, counts))
    shift = np.repeat(shifts, counts)
    for some, values in cells.read_bins(shift[here] + here, width=per_bin):
        bins_Bk[here[some]] = values[0]


def mark_unknown(
    settings: GenomeSettings, length: int, runs: np.ndarray, mask: np.ndarray | None
) -> np.ndarray:
    """Return which cells of a contig are unknown, (cells,) bool: masked, mostly N, cut short.

    `runs` of N and the mask are (n, 2) bases.
    """
    cell, bin_size = settings.cell, settings.bin_size
    size = -(-length // bin_size) * (bin_size // cell)
    unknown = mark_touched(runs, cell, size)
    # In these a run begins or ends.
    edges = np.unique(runs // cell)
    edges = edges[edges < size]
    count = count_before(runs, (edges + 1) * cell) - count_before(runs, edges * cell)
    unknown[edges] = count > cell / 2
    unknown[length // cell :] = True
    if mask is not None:
        unknown |= mark_touched(mask, cell, size)
    return unknown
