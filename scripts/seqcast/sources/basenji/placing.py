"""Windows of a file whose places in a genome are known, put together to pieces of chromosomes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, Piece, find_split_overlaps, make_windows
from seqcast.genome.codes import reverse_complement
from seqcast.settings import BasenjiSettings

Window = tuple[str, int]
"""A split and a row in it."""


class Place(NamedTuple):
    """Where a window lies: its first base on the plus strand, and the strand that it reads."""

    chrom: str
    start: int
    strand: str


@dataclass(frozen=True)
class Places:
    """The places of a file's windows in a genome; a window without one is not in `found`.

    `order` is the base order that matches the genome, `chrom_sizes` has all its chromosomes.
    """

    assembly: str
    order: str
    chrom_sizes: Mapping[str, int]
    found: Mapping[Window, Place]


class Position(NamedTuple):
    """Where a window lies in the dataset: contig, first base in it, whether to turn it over."""

    contig: int
    start: int
    is_turned: bool


def join_windows(
    windows: Sequence[Window], places: Places, length: int, bin_size: int
) -> tuple[list[Piece], dict[Window, Position]]:
    """Join windows that overlap or touch to pieces; return these, and where each window lies.

    Windows are joined within a split, and where their bins coincide. A window without a place
    stays a contig of its own.
    """
    pieces: list[Piece] = []
    positions: dict[Window, Position] = {}
    number = {chrom: at for at, chrom in enumerate(places.chrom_sizes)}
    placed = [
        (number[place.chrom], place.start, window)
        for window in windows
        if (place := places.found.get(window))
    ]
    joined = sorted(_join(placed, length, bin_size))
    for (chrom, start), members in joined:
        name, end = list(places.chrom_sizes)[chrom], max(at for at, _ in members) + length
        for at, window in members:
            is_turned = places.found[window].strand == "-"
            positions[window] = Position(len(pieces), at - start, is_turned)
        label = f"{name}:{start + 1}-{end}"
        pieces.append(Piece(label, end - start, name, start, places.chrom_sizes[name]))
    for split, row in windows:
        if (split, row) not in positions:
            positions[split, row] = Position(len(pieces), 0, False)
            pieces.append(Piece(f"{split}_{row:04d}", length, "", 0, length))
    return pieces, positions


def _join(
    placed: Iterable[tuple[int, int, Window]], length: int, bin_size: int
) -> Iterable[tuple[tuple[int, int], list[tuple[int, Window]]]]:
    """Yield chromosome and start of each piece, and the windows in it with their starts."""

    def kind(each: tuple[int, int, Window]) -> tuple[int, str, int]:
        """Only windows alike in this are joined: chromosome, split, where bins begin."""
        chrom, start, (split, _) = each
        return chrom, split, start % bin_size

    for (chrom, _, _), group in groupby(sorted(placed, key=lambda x: (kind(x), x)), kind):
        members: list[tuple[int, Window]] = []
        for _, start, window in group:
            if members and start > members[-1][0] + length:
                yield (chrom, members[0][0]), members
                members = []
            members.append((start, window))
        yield (chrom, members[0][0]), members


def find_overlapping(windows: Sequence[Window], places: Places, length: int) -> list[Window]:
    """Return the windows that overlap others of another split and have to go.

    Train gives way to valid and test, valid to test.
    """
    placed = [window for window in windows if window in places.found]
    number = {chrom: at for at, chrom in enumerate(places.chrom_sizes)}
    table = np.concatenate(
        [
            make_windows([number[place.chrom]], [place.start], length, window[0])
            for window in placed
            if (place := places.found[window])
        ]
        or [make_windows([], [], length, 0)]
    )
    pairs = [(placed[a], placed[b]) for a, b in find_split_overlaps(table)]
    return sorted({min(pair, key=lambda window: SPLITS.index(window[0])) for pair in pairs})


def drop_overlapping(
    settings: BasenjiSettings, rows: Mapping[str, Sequence[int]], places: Places, length: int
) -> dict[str, list[int]]:
    """Leave out windows that overlap others of another split, or refuse them, as the config says.

    Raises `SeqcastError` with `on_duplicate: refuse`, or where a split is left without windows.
    """
    windows = [(split, row) for split in SPLITS for row in rows[split]]
    gone = set(find_overlapping(windows, places, length))
    if gone and settings.on_duplicate == "refuse":
        split, row = min(gone)
        raise SeqcastError(
            f"{len(gone):,} windows overlap others of another split on {places.assembly}, the first"
            f" {split} {row} at {_write(places.found[split, row], length)}; the test would mislead:"
            " set dataset.on_duplicate: drop (train gives way to valid and test, valid to test)"
        )
    kept = {split: [row for row in rows[split] if (split, row) not in gone] for split in SPLITS}
    if empty := [split for split in SPLITS if rows[split] and not kept[split]]:
        raise SeqcastError(
            f"all {empty[0]} windows overlap others of another split on {places.assembly}; the file"
            " cannot be split like this, rebuild it"
        )
    if gone:
        log.info(
            "%d windows left out: they overlap others of another split on %s",
            len(gone),
            places.assembly,
        )
    return kept


def check_places(
    settings: BasenjiSettings, windows: Sequence[Window], places: Places, targets: Sequence[str]
) -> None:
    """Refuse splits without a single placed window; warn of strands that cannot be told apart."""
    for split in SPLITS:
        here = [window for window in windows if window[0] == split]
        if here and not any(window in places.found for window in here):
            raise SeqcastError(
                f"none of {len(here):,} {split} windows has one place in {places.assembly}, so"
                " there would be nothing to draw tracks on; take the assembly that they were cut"
                " from, or leave out dataset.genome"
            )
    turned = sum(place.strand == "-" for place in places.found.values())
    if turned and settings.strand_pair is None:
        named = [name for name in targets if name.rstrip().endswith(("+", "-"))]
        text = (
            f"{turned:,} windows are of the minus strand and are turned over, targets as they are;"
            " where a target has a strand, set dataset.strand_pair"
        )
        if named:
            raise SeqcastError(f"{text} ({len(named)} targets seem to have one: {named[0]} ...)")
        log.warning("%s", text)


def _write(place: Place, length: int) -> str:
    return f"{place.chrom}:{place.start + 1:,}-{place.start + length:,}"


def turn(
    codes: np.ndarray, coverage: np.ndarray, strand_pair: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a window, codes (length,) and coverage (bins, targets), as the other strand has it."""
    return reverse_complement(codes), coverage[::-1, list(strand_pair)]
