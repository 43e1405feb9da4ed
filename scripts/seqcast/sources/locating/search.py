"""From a Basenji-style HDF5 file and a FASTA to the places of the windows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS
from seqcast.genome.codes import reverse_complement
from seqcast.settings import BasenjiSettings
from seqcast.sources.base_order import ORDERS
from seqcast.sources.basenji.hdf5 import open_hdf5
from seqcast.sources.basenji.layout import read_layout
from seqcast.sources.findings import Validation
from seqcast.sources.genome.fasta import Fasta, open_fasta
from seqcast.sources.genome.unpacking import stem_of
from seqcast.sources.locating.describing import explain_nearest
from seqcast.sources.locating.matching import Queries, find_matches
from seqcast.sources.locating.nearest import measure_shared
from seqcast.sources.locating.placements import (
    AMBIGUOUS,
    BLANK,
    COLUMNS,
    MISSING,
    PLACED,
    Placements,
)
from seqcast.sources.locating.windows import STRETCH, Windows, read_windows

# Windows of each split that are looked for in all orders of the bases.
_PROBES = 16
# Stretches found in one place by chance.
_LEAST_VOTES = 8
_MOST_LISTED = 1000
# Each takes some 30 ms: thousands, in a wrong assembly, would say no more.
_MOST_MEASURED = 500
# Columns of a window without a place, as in BEDPE.
_NOWHERE = {"contig": ".", "start": -1, "end": -1, "strand": ".", "shared": np.nan}


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
    assembly = stem_of(Path(fasta))
    if windows.blank.all():
        raise SeqcastError(
            f"{source}: all {windows.blank.size:,} windows are too full of N to be located in"
            f" {assembly}; leave out dataset.genome"
        )
    found = _find_in_any_order(genome, windows, ORDERS.index(validation.alphabet.order))
    placements = Placements(
        assembly=assembly,
        order=ORDERS[found.order[0]],
        order_was=validation.alphabet.order,
        window=length,
        lengths=genome.lengths,
        windows=_make_table(genome, found),
    )
    table = placements.windows
    if not table["places"].any():
        best = table[table["status"] == MISSING].sort_values("shared", ascending=False).iloc[0]
        raise SeqcastError(
            f"{source}: none of {len(table):,} windows matches {assembly} on either strand,"
            f" in any order of the bases; best, read as {placements.order}:"
            f" {explain_nearest(best)}; see dataset.genome"
        )
    return placements


def _find_in_any_order(genome: Fasta, windows: Windows, order: int) -> Queries:
    """Search in one order, and once more where a few windows match better in another.

    The first queries are all windows in the order that was taken.
    """
    probes = windows.find_probes(_PROBES)
    others = np.delete(np.arange(len(ORDERS)), order)
    every = np.arange(windows.blank.size)
    window = np.concatenate([every, np.repeat(probes, others.size)])
    orders = np.concatenate([np.full_like(every, order), np.tile(others, probes.size)])
    found = find_matches(genome, windows, window, orders)
    matching = np.array([len(matches) > 0 for matches in found.matches])
    weights = matching if matching.any() else found.near[:, 0]
    # Of no match at all the nearest places tell: an assembly may be the wrong one too.
    asked = np.isin(window, probes)
    scores = np.bincount(orders[asked], weights[asked], minlength=len(ORDERS))
    best = int(scores.argmax())
    mine = scores[order] if matching.any() else 2 * scores[order] + _LEAST_VOTES
    if scores[best] <= mine:
        return found
    log.info("windows match as %s, not as %s: searching once more", ORDERS[best], ORDERS[order])
    return find_matches(genome, windows, every, np.full_like(every, best))


def _make_table(genome: Fasta, found: Queries) -> pd.DataFrame:
    windows = found.windows
    nearest = _measure_missing(genome, found)
    rows: list[dict[str, Any]] = []
    for window in range(windows.blank.size):
        matches = found.matches[window]
        row = {
            "split": SPLITS[windows.split[window]],
            "row": windows.row[window],
            "status": PLACED if len(matches) == 1 else AMBIGUOUS,
            "places": len(matches),
            "shared": 1.0,
        }
        for match in matches[:_MOST_LISTED]:
            rows.append({**row, **match._asdict(), "end": match.start + windows.length})
        if not matches:
            row["status"] = BLANK if windows.blank[window] else MISSING
            row["unknown"] = windows.length - windows.known[window]
            rows.append(row | nearest.get(window, _NOWHERE))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _measure_missing(genome: Fasta, found: Queries) -> dict[int, dict[str, Any]]:
    """Return columns of windows that match nowhere: their nearest place, and what is shared.

    Those with most in common come first. A quarter of the window to either side is included.
    """
    length, names = found.windows.length, list(genome.lengths)
    is_missing = np.array([not matches for matches in found.matches])
    votes = (is_missing * found.near[:, 0])[: found.windows.blank.size]
    missing = np.argsort(-votes, kind="stable")[: np.count_nonzero(votes)][:_MOST_MEASURED]
    nearest = {}
    with progress(missing.size, "compare missing windows", "window") as bar:
        for window in missing.tolist():
            _, contig, start, minus = found.near[window].tolist()
            name, end = names[contig], start + length
            low, high = max(0, start - length // 4), end + length // 4
            theirs = genome.read(name, low, min(high, genome.lengths[name]))
            ours = found.read(window)
            shared = measure_shared(reverse_complement(ours) if minus else ours, theirs)
            nearest[window] = {"contig": name, "start": start, "end": end, "strand": "+-"[minus]}
            nearest[window]["shared"] = shared
            bar.update(1)
    return nearest
