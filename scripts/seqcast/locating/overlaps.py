"""Windows that overlap in the genome, between splits and within."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from seqcast.dataset import SPLITS
from seqcast.locating.placements import AMBIGUOUS, PLACED, Placements


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
    table = table.sort_values(["contig", "start"], kind="stable")
    contig, start, end = (table[key].to_numpy() for key in ("contig", "start", "end"))
    codes = pd.factorize(contig)[0]
    found = []
    for shift in range(1, len(table)):
        first = np.flatnonzero((codes[:-shift] == codes[shift:]) & (start[shift:] < end[:-shift]))
        if not first.size:
            break
        found.append(np.stack([first, first + shift], axis=1))
    places = np.concatenate([np.empty((0, 2), dtype=np.int64), *found])
    return _tell_pairs(_make_pairs(table, places))


def _make_pairs(table: pd.DataFrame, places: np.ndarray) -> pd.DataFrame:
    """Return a row for each pair of windows, in the order of split and row within the pair."""
    order = {split: place for place, split in enumerate(SPLITS)}
    keys = table["split"].map(order).to_numpy(dtype=np.int64) << 40 | table["row"].to_numpy()
    low, high = places.T
    swap = keys[low] > keys[high]
    first, second = np.where(swap, high, low), np.where(swap, low, high)
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    pairs = pd.DataFrame(
        {
            "first_split": table["split"].to_numpy()[first],
            "first_row": table["row"].to_numpy()[first],
            "second_split": table["split"].to_numpy()[second],
            "second_row": table["row"].to_numpy()[second],
            "contig": table["contig"].to_numpy()[low],
            "start": np.maximum(start[low], start[high]),
            "end": np.minimum(end[low], end[high]),
        }
    )
    pairs["bases"] = pairs["end"] - pairs["start"]
    # A window's own placements may overlap, as in a tandem repeat.
    pairs = pairs[keys[first] != keys[second]].sort_values("bases", ascending=False, kind="stable")
    return pairs.drop_duplicates(["first_split", "first_row", "second_split", "second_row"])


def _tell_pairs(pairs: pd.DataFrame) -> Overlaps:
    same = pairs["first_split"] == pairs["second_split"]
    within = pairs[same]["first_split"].value_counts()
    counts = {split: int(within.get(split, 0)) for split in SPLITS}
    return Overlaps(pairs[~same].reset_index(drop=True), counts)
