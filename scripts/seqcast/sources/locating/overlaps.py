"""Windows that overlap in the genome, between splits and within."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from seqcast.data import SPLITS
from seqcast.sources.locating.placements import AMBIGUOUS, PLACED, Placements

# More than a split has.
_ROWS = 1 << 40


@dataclass(frozen=True)
class Overlaps:
    """Pairs of windows that share places in the genome.

    `between` has a row for each pair of windows of different splits: first_split, first_row,
    second_split, second_row, contig, start, end (what they share) and bases, most bases first.
    `within` counts the pairs within each split.
    """

    between: pd.DataFrame
    within: dict[str, int]


def find_overlaps(placements: Placements) -> Overlaps:
    """Find pairs of windows that overlap in true coordinates, on either strand.

    All placements of ambiguous windows count; a pair that overlaps in several is listed once, where
    it shares most.
    """
    table = placements.windows
    table = table[table["status"].isin((PLACED, AMBIGUOUS))]
    table = table.sort_values(["contig", "start"], kind="stable", ignore_index=True)
    # One number a window, in the order of split and row.
    window = table["split"].map(SPLITS.index).to_numpy(np.int64) * _ROWS + table["row"].to_numpy()
    contig, start, end = (table[key].to_numpy() for key in ("contig", "start", "end"))
    found = [np.empty((2, 0), dtype=np.int64)]
    for shift in range(1, len(table)):
        left = np.flatnonzero((contig[:-shift] == contig[shift:]) & (start[shift:] < end[:-shift]))
        if not left.size:
            break
        found.append(np.stack([left, left + shift]))
    left, right = np.concatenate(found, axis=1)
    first = np.minimum(window[left], window[right])
    second = np.maximum(window[left], window[right])
    pairs = pd.DataFrame(
        {
            "first_split": np.array(SPLITS)[first // _ROWS],
            "first_row": first % _ROWS,
            "second_split": np.array(SPLITS)[second // _ROWS],
            "second_row": second % _ROWS,
            "contig": contig[left],
            "start": start[right],
            "end": end[left],
            "bases": end[left] - start[right],
        }
    )
    # A window's own placements may overlap, as in a tandem repeat.
    pairs = pairs[first != second].sort_values("bases", ascending=False, kind="stable")
    pairs = pairs.drop_duplicates(["first_split", "first_row", "second_split", "second_row"])
    same = pairs["first_split"] == pairs["second_split"]
    within = pairs[same]["first_split"].value_counts()
    return Overlaps(
        between=pairs[~same].reset_index(drop=True),
        within={split: int(within.get(split, 0)) for split in SPLITS},
    )
