"""How a dataset is laid out: contigs one after the other, windows as a table over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FORMAT = "seqcast-dataset"
FORMAT_VERSION = 2
SPLITS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)

# In the file `part` is a part of the genome, which the table of folds makes train, valid or test;
# in memory, with a fold chosen, it is `split`.
STORED_WINDOW_DTYPE = np.dtype(
    [("contig", "<i4"), ("start", "<i8"), ("end", "<i8"), ("part", "u1")]
)
WINDOW_DTYPE = np.dtype([("contig", "<i4"), ("start", "<i8"), ("end", "<i8"), ("split", "u1")])
# Without folds a part is a split.
ONE_FOLD = np.arange(3, dtype=np.uint8)[None]


@dataclass(frozen=True)
class Contigs:
    """Where each contig lies in the sequence and coverage arrays; (contigs,) each."""

    name: tuple[str, ...]
    length: np.ndarray
    first_base: np.ndarray
    first_bin: np.ndarray

    @classmethod
    def from_lengths(cls, lengths: Mapping[str, int], bin_size: int) -> "Contigs":
        """Lay contigs one after the other; a last bin that is cut short counts as a bin."""
        length = np.fromiter(lengths.values(), dtype=np.int64, count=len(lengths))
        bins = -(-length // bin_size)
        return cls(tuple(lengths), length, np.cumsum(length) - length, np.cumsum(bins) - bins)

    def __len__(self) -> int:
        return len(self.name)


def make_folds(count: int) -> np.ndarray:
    """Return the split of each part in each fold, (folds, parts) uint8.

    In fold f part f is the test split, the next part the valid split, and the rest train.
    """
    table = np.full((count, count), TRAIN, dtype=np.uint8)
    for fold in range(count):
        table[fold, fold], table[fold, (fold + 1) % count] = TEST, VALID
    return table


def make_windows(
    contig: Sequence[int] | np.ndarray,
    start: Sequence[int] | np.ndarray,
    length: int,
    split: str | int,
) -> np.ndarray:
    """Make rows of the windows table: windows of one length in one split, or part of folds."""
    rows = np.zeros(len(start), dtype=WINDOW_DTYPE)
    rows["contig"], rows["start"] = contig, start
    rows["end"] = rows["start"] + length
    rows["split"] = SPLITS.index(split) if isinstance(split, str) else split
    return rows


def pool_cells(cells: np.ndarray, sum_stat: Sequence[str]) -> np.ndarray:
    """Make bins (bins, targets) of their cells (bins, cells a bin, targets).

    Cells are added up, or the largest taken where a target's `sum_stat` is `max`. A bin of which a
    cell is not known is not known.
    """
    if cells.shape[1] == 1:
        return cells[:, 0]
    bins = cells.sum(axis=1)
    largest = [stat == "max" for stat in sum_stat]
    if any(largest):
        bins[:, largest] = cells[:, :, largest].max(axis=1)
    return bins


def find_split_overlaps(windows: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs of rows whose windows overlap though their splits differ."""
    order = np.lexsort((windows["start"], windows["contig"]))
    pairs: list[tuple[int, int]] = []
    active: list[int] = []
    for row in order:
        window = windows[row]
        active = [
            other
            for other in active
            if windows[other]["contig"] == window["contig"]
            and windows[other]["end"] > window["start"]
        ]
        pairs += [
            (int(other), int(row)) for other in active if windows[other]["split"] != window["split"]
        ]
        active.append(row)
    return pairs
