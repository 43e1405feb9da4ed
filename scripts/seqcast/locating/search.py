"""From a Basenji-style HDF5 file and a FASTA to the places of the windows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.base_order import ORDERS
from seqcast.console import log, progress
from seqcast.dataset import SPLITS
from seqcast.errors import SeqcastError
from seqcast.findings import Validation
from seqcast.locating.describing import explain_nearest
from seqcast.locating.kmers import STRETCH
from seqcast.locating.matching import Matches, Queries, find_matches, read_query
from seqcast.locating.nearest import Nearest, find_nearest
from seqcast.locating.placements import AMBIGUOUS, BLANK, COLUMNS, MISSING, PLACED, Placements
from seqcast.locating.windows import Windows, read_windows
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji.hdf5 import open_hdf5
from seqcast.sources.basenji.layout import read_layout
from seqcast.sources.genome.fasta import Fasta, open_fasta
from seqcast.sources.genome.unpacking import find_stem

# So many windows of each split are looked for in all orders of the bases.
_PROBES = 16
# Stretches found in one place by chance.
_LEAST_VOTES = 8
# Each takes some 30 ms: thousands, in a wrong assembly, would say no more.
_MOST_MEASURED = 500


@dataclass(frozen=True)
class _Found:
    """What a pass found: the first queries are the windows, in `order` (a place in ORDERS)."""

    order: int
    queries: Queries
    matches: Matches


def locate_windows(
    settings: BasenjiSettings, source: Path, validation: Validation, fasta: Path, work: Path
) -> Placements:
    """Find the place of each validated window of an HDF5 file in a genome, by exact match.

    Both strands are searched. The order of the bases that validation took is checked against all
    others on a few windows, and given up for one in which more of them match. What has to be
    unpacked of the FASTA goes to the folder `work`. Raises `SeqcastError` where no window matches.
    """
    validation.raise_if_refused()
    if validation.alphabet is None:
        raise ValueError("the validation has no order of the bases")
    genome = open_fasta(Path(fasta), Path(work))
    with open_hdf5(Path(source)) as file:
        length = read_layout(file, settings).window
        if length < STRETCH:
            raise SeqcastError(
                f"{source}: windows of {length} bases are too short to be located, {STRETCH} are"
                " needed; leave out dataset.genome"
            )
        windows = read_windows(file, validation.windows)
    found = _find_in_any_order(genome, windows, ORDERS.index(validation.alphabet.order))
    placements = Placements(
        assembly=find_stem(Path(fasta)),
        order=ORDERS[found.order],
        order_was=validation.alphabet.order,
        window=length,
        lengths=genome.lengths,
        windows=_make_table(genome, windows, found),
    )
    _check_any(Path(source), placements)
    return placements


def _find_in_any_order(genome: Fasta, windows: Windows, order: int) -> _Found:
    """Search in one order, and once more where a few windows match better in another."""
    probes = windows.find_probes(_PROBES)
    others = np.array([other for other in range(len(ORDERS)) if other != order])
    every = np.arange(windows.known.size)
    queries = Queries(
        np.concatenate([every, np.repeat(probes, others.size)]),
        np.concatenate([np.full(every.size, order), np.tile(others, probes.size)]),
    )
    matches = find_matches(genome, windows, queries)
    best = _find_better_order(matches, probes, others)
    if best is None:
        return _Found(order, queries, matches)
    log.info("windows match as %s, not as %s: searching once more", ORDERS[best], ORDERS[order])
    queries = Queries(every, np.full(every.size, best))
    return _Found(best, queries, find_matches(genome, windows, queries))


def _find_better_order(matches: Matches, probes: np.ndarray, others: np.ndarray) -> int | None:
    """Return another order in which more of the probes match, or None.

    Where none matches in any order, the nearest places tell: an assembly may be the wrong one too.
    """
    if not probes.size:
        return None
    last = probes.size * others.size

    def count(values: np.ndarray) -> tuple[int, np.ndarray]:
        """Count probes in the order taken before, and in each of the other orders."""
        return int(values[probes].sum()), values[-last:].reshape(-1, others.size).sum(axis=0)

    mine, theirs = count(matches.count > 0)
    if not matches.count.any():
        mine, theirs = count(matches.near[:, 0])
        mine = 2 * mine + _LEAST_VOTES
    return int(others[theirs.argmax()]) if theirs.max() > mine else None


def _make_table(genome: Fasta, windows: Windows, found: _Found) -> pd.DataFrame:
    nearest = _find_nearest(genome, windows, found)
    names = list(genome.lengths)
    rows: list[dict[str, Any]] = []
    for window in range(windows.known.size):
        places = int(found.matches.count[window])
        row = {
            "split": SPLITS[windows.split[window]],
            "row": int(windows.row[window]),
            "places": places,
            "unknown": windows.length - int(windows.known[window]),
        }
        for match in found.matches.listed.get(window, ()):
            row |= {"status": PLACED if places == 1 else AMBIGUOUS, "shared": 1.0}
            row |= {"contig": names[match.contig], "strand": "+" if match.strand > 0 else "-"}
            row |= {"start": match.start, "end": match.start + windows.length}
            rows.append({**row, "unknown": match.unknown})
        if not places:
            status = BLANK if windows.blank[window] else MISSING
            rows.append({**row, "status": status, **_describe_nearest(nearest.get(window))})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _describe_nearest(near: Nearest | None) -> dict[str, Any]:
    """Return the columns of a window without placement; without a place they are as in BEDPE."""
    if near is None:
        return {"contig": ".", "start": -1, "end": -1, "strand": ".", "shared": np.nan}
    strand = "+" if near.strand > 0 else "-"
    columns = {"contig": near.contig, "start": near.start, "end": near.end}
    return {**columns, "strand": strand, "shared": near.shared}


def _find_nearest(genome: Fasta, windows: Windows, found: _Found) -> dict[int, Nearest]:
    """Measure the nearest place of windows that match nowhere, those with most in common first."""
    count = windows.known.size
    votes = np.where(found.matches.count[:count] == 0, found.matches.near[:count, 0], 0)
    missing = np.argsort(-votes, kind="stable")[: np.count_nonzero(votes)][:_MOST_MEASURED]
    nearest = {}
    with progress(missing.size, "compare missing windows", "window") as bar:
        for window in missing.tolist():
            codes = read_query(windows, found.queries, window)
            nearest[window] = find_nearest(genome, codes, found.matches.near[window])
            bar.update(1)
    return nearest


def _check_any(source: Path, placements: Placements) -> None:
    """Raise `SeqcastError` where no window was placed."""
    table = placements.windows
    if (table["places"] > 0).any():
        return
    missing = table[table["status"] == MISSING].sort_values("shared", ascending=False)
    if missing.empty:
        raise SeqcastError(
            f"{source}: all {len(table):,} windows are too full of N to be located in"
            f" {placements.assembly}; leave out dataset.genome"
        )
    raise SeqcastError(
        f"{source}: none of {len(table):,} windows matches {placements.assembly} on either strand,"
        f" in any order of the bases; best, read as {placements.order}:"
        f" {explain_nearest(missing.iloc[0])}; see dataset.genome"
    )
