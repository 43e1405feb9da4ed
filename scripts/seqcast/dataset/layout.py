"""How a dataset is laid out: contigs one after the other, windows as a table over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FORMAT = "seqcast-dataset"
FORMAT_VERSION = 1
SPLITS = ("train", "valid", "test")

WINDOW_DTYPE = np.dtype([("contig", "<i4"), ("start", "<i8"), ("end", "<i8"), ("split", "u1")])


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


def make_windows(
    contig: Sequence[int] | np.ndarray, start: Sequence[int] | np.ndarray, length: int, split: str
) -> np.ndarray:
    """Make rows of the windows table: windows of one length in one split."""
    rows = np.zeros(len(start), dtype=WINDOW_DTYPE)
    rows["contig"], rows["start"] = contig, start
    rows["end"] = rows["start"] + length
    rows["split"] = SPLITS.index(split)
    return rows


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
