"""How a dataset is laid out: contigs one after the other, windows as a table over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcast.core.chunks import MOST_VALUES

FORMAT = "seqcast-dataset"
FORMAT_VERSION = 5
# A call of its own: what follows an edited message in one call would count as changed too.
REMEDY = "delete it, run `snakemake dataset validate_source`, then the same command again"
SPLITS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)

# In the file `part` is a part of the genome, which the table of folds makes train, valid or test;
# in memory, with a fold chosen, it is `split`.
STORED_WINDOW_DTYPE = np.dtype(
    [("contig", "<i4"), ("start", "<i8"), ("end", "<i8"), ("part", "u1")]
)
WINDOW_DTYPE = np.dtype([("contig", "<i4"), ("start", "<i8"), ("end", "<i8"), ("split", "u1")])
# Where a window may be moved to: not out of what its part has of a contig.
REGION_DTYPE = np.dtype([("contig", "<i4"), ("start", "<i8"), ("end", "<i8")])
# A window begins anywhere in a chunk, and reads all of it: of coarse cells chunks are of fewer. Of
# few targets they are of more: fewer steps, and less room.
_CHUNK_BINS = 256
_CHUNK_CELLS = 1024
_MOST_CHUNK_BINS = 512
# Bins that chunks of coverage fill, however many cells these have: pieces of so many end with one.
WHOLE_BINS = 1024
_PRODUCTS = 8192
# Without folds a part is a split.
ONE_FOLD = np.arange(3, dtype=np.uint8)[None]


def find_width(targets: int, cells_a_bin: int) -> int:
    """Return how many cells of a target a chunk of coverage has."""
    width = min(_CHUNK_BINS * cells_a_bin, _CHUNK_CELLS)
    most = min(_MOST_CHUNK_BINS * cells_a_bin, MOST_VALUES // targets)
    while 2 * width <= most and WHOLE_BINS * cells_a_bin % (2 * width) == 0:
        width *= 2
    return width


@dataclass(frozen=True)
class Contigs:
    """Where each contig lies, in the sequence and coverage arrays and in the genome.

    All are (contigs,). A contig is a whole chromosome, or the piece of one that begins at its base
    `offset`; `chrom` is "" where that place is not known.
    """

    name: tuple[str, ...]
    length: np.ndarray
    first_base: np.ndarray
    first_bin: np.ndarray
    chrom: tuple[str, ...]
    offset: np.ndarray
    chrom_length: np.ndarray

    @classmethod
    def from_lengths(cls, lengths: Mapping[str, int], bin_size: int) -> "Contigs":
        """Lay chromosomes one after the other; a last bin that is cut short counts as a bin."""
        pieces = [Piece(name, length, name, 0, length) for name, length in lengths.items()]
        return cls.from_pieces(pieces, bin_size)

    @classmethod
    def from_pieces(cls, pieces: Sequence["Piece"], bin_size: int) -> "Contigs":
        """Lay pieces of chromosomes one after the other."""
        length, offset, chrom_length = (
            np.array([getattr(piece, key) for piece in pieces], dtype=np.int64)
            for key in ("length", "offset", "chrom_length")
        )
        bins = -(-length // bin_size)
        return cls(
            name=tuple(piece.name for piece in pieces),
            length=length,
            first_base=np.cumsum(length) - length,
            first_bin=np.cumsum(bins) - bins,
            chrom=tuple(piece.chrom for piece in pieces),
            offset=offset,
            chrom_length=chrom_length,
        )

    def __len__(self) -> int:
        return len(self.name)

    @property
    def chrom_sizes(self) -> dict[str, int]:
        """Lengths of the chromosomes that contigs are known to lie on, in their order."""
        pairs = zip(self.chrom, self.chrom_length.tolist(), strict=True)
        return {chrom: length for chrom, length in pairs if chrom}

    @property
    def place_name(self) -> tuple[str, ...]:
        """What places on each contig are counted on: its chromosome, itself where not known."""
        return tuple(chrom or name for chrom, name in zip(self.chrom, self.name, strict=True))


class Piece(NamedTuple):
    """A contig before it is laid out; see `Contigs`."""

    name: str
    length: int
    chrom: str
    offset: int
    chrom_length: int


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


def pool_cells(cells_TBk: np.ndarray, sum_stat: Sequence[str]) -> np.ndarray:
    """Make bins (targets, bins) of their cells (targets, bins, cells a bin).

    Cells are added up, or the largest taken where a target's `sum_stat` is `max`. A bin of which a
    cell is not known is not known.
    """
    if cells_TBk.shape[2] == 1:
        return cells_TBk[:, :, 0]
    bins_TB = sum_cells(cells_TBk)
    largest = [stat == "max" for stat in sum_stat]
    if any(largest):
        bins_TB[largest] = cells_TBk[largest].max(axis=2)
    return bins_TB


def sum_cells(cells_TBk: np.ndarray) -> np.ndarray:
    """Return the sums (targets, bins) of the cells of bins (targets, bins, cells a bin).

    By products with ones: of so few, numpy's own sum takes many times as long.
    """
    sums_TB = np.empty(cells_TBk.shape[:2], cells_TBk.dtype)
    ones_k = np.ones(cells_TBk.shape[2], cells_TBk.dtype)
    # For more at a time BLAS would start threads of its own.
    step = max(1, _PRODUCTS // len(ones_k))
    for first in range(0, sums_TB.shape[1], step):
        here = slice(first, first + step)
        np.matmul(cells_TBk[:, here], ones_k, out=sums_TB[:, here])
    return sums_TB


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
