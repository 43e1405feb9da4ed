"""Read a dataset, and check that it keeps its format."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from pydantic import Json, NonNegativeInt, PositiveInt, model_validator

from seqcast.core.chunks import ChunkedArray, open_chunked
from seqcast.core.errors import SeqcastError, list_some
from seqcast.core.hdf5 import open_hdf5, read_mapped
from seqcast.data.layout import (
    FORMAT,
    FORMAT_VERSION,
    REGION_DTYPE,
    REMEDY,
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    find_split_overlaps,
    pool_cells,
)
from seqcast.data.targets import Targets
from seqcast.genome.codes import N
from seqcast.settings.headers import check_attributes
from seqcast.settings.section import Section


class _Header(Section):
    """The attributes of the file."""

    bin_size: PositiveInt
    resolution: PositiveInt
    crop: NonNegativeInt
    alphabet: Literal["ACGTN"]
    targets: Json[Targets]
    source: Json[dict[str, Any]]
    digest: str

    @model_validator(mode="after")
    def _check(self) -> "_Header":
        if self.bin_size % self.resolution:
            raise ValueError(
                f"resolution is {self.resolution}, which does not divide bins of {self.bin_size}"
            )
        if not isinstance(self.source.get("has_coordinates"), bool):
            raise ValueError("source does not say whether it has_coordinates")
        return self


@dataclass(frozen=True)
class Dataset:
    """A dataset opened for reading; sequence and coverage stay on disk until they are asked for.

    `codes` is (bases,) uint8, `cells` (targets, cells) float32 as `Targets` says, NaN where nothing
    is known, both of all contigs one after the other; `sequence` and `coverage` read a region of
    the genome. A cell is `resolution` bases; `read_bins` makes bins of them. A model sees a whole
    window and predicts all its bins but `crop` at either side. `windows` has the
    splits of one fold out of `folds`, `parts` (windows,) the part of the genome that each is in.
    A window and all that it is moved to lie in one of `regions`, which are in order.
    """

    path: Path
    bin_size: int
    resolution: int
    crop: int
    targets: Targets
    contigs: Contigs
    windows: np.ndarray
    parts: np.ndarray
    regions: np.ndarray
    codes: np.ndarray
    cells: ChunkedArray
    source: dict[str, Any]
    digest: str
    fold: int = 0
    folds: int = 1

    @property
    def window(self) -> int:
        """Bases per window."""
        return int(self.windows["end"][0] - self.windows["start"][0])

    @property
    def output_bins(self) -> int:
        """Bins per window that a model predicts."""
        return self.window // self.bin_size - 2 * self.crop

    @property
    def has_coordinates(self) -> bool:
        """Say whether contigs are parts of a genome rather than one a window."""
        return bool(self.source["has_coordinates"])

    def intervals_of(self, rows: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Return where the predicted bins of windows lie: chromosomes, starts and ends in bases."""
        windows, margin = self.windows[rows], self.crop * self.bin_size
        names, offset = self.contigs.place_name, self.contigs.offset[windows["contig"]]
        return (
            [names[contig] for contig in windows["contig"]],
            offset + windows["start"] + margin,
            offset + windows["end"] - margin,
        )

    def rows_of(self, split: str) -> np.ndarray:
        """Return the rows of the windows table in a split, or in `all`."""
        if split == "all":
            return np.arange(len(self.windows))
        return np.flatnonzero(self.windows["split"] == SPLITS.index(split))

    def codes_of(self, row: int, moved: int = 0) -> np.ndarray:
        """Return the sequence of a window, (window,) uint8, moved by some bases."""
        contig, start, end, _ = self.windows[row]
        first = self.contigs.first_base[contig] + start + moved
        return np.asarray(self.codes[first : first + end - start])

    def first_bin_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of each window's first predicted bin, counted through all contigs."""
        windows = self.windows[rows]
        return (
            self.contigs.first_bin[windows["contig"]]
            + windows["start"] // self.bin_size
            + self.crop
        )

    def coverage_of(self, row: int) -> np.ndarray:
        """Return the coverage of a window's predicted bins, (output_bins, targets) float32."""
        first = int(self.first_bin_of(np.array([row]))[0])
        return self.read_bins(slice(first, first + self.output_bins))

    def sequence(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return the codes of a region of the genome, (end - start,) uint8; N where none are known.

        Raises `SeqcastError` where the dataset does not know the chromosome.
        """
        found = np.full(end - start, N, dtype=np.uint8)
        for contig, here, there in self._find_pieces(chrom, start, end):
            first = self.contigs.first_base[contig]
            found[here] = self.codes[first + there.start : first + there.stop]
        return found

    def coverage(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return the coverage of a genome's region, (bins, targets) float32, NaN where unknown.

        The region is to begin and end on bins, as `bin_size` cuts them; raises `SeqcastError` where
        it does not, and where the dataset does not know the chromosome.
        """
        size = self.bin_size
        found = np.full((-(-(end - start) // size), len(self.targets)), np.nan, dtype=np.float32)
        for contig, here, there in self._find_pieces(chrom, start, end):
            # A last bin that is cut short by the contig's end is a bin.
            is_end = there.stop == self.contigs.length[contig]
            if here.start % size or there.start % size or (there.stop % size and not is_end):
                offset = int(self.contigs.offset[contig]) % size
                raise SeqcastError(
                    f"{chrom}:{start:,}-{end:,} does not begin and end on bins of {size} bases;"
                    f" those of {self.path} begin at multiples of {size}"
                    + (f" and {offset}" if offset else "")
                )
            first = self.contigs.first_bin[contig]
            bins = slice(first + there.start // size, first + -(-there.stop // size))
            found[here.start // size : -(-here.stop // size)] = self.read_bins(bins)
        return found

    def _find_pieces(self, chrom: str, start: int, end: int) -> Iterator[tuple[int, slice, slice]]:
        """Yield each contig that holds some of a region: which, where in that, where in it."""
        names, offsets = self.contigs.place_name, self.contigs.offset
        if chrom not in names:
            raise SeqcastError(f"{self.path}: has no {chrom}; it has {list_some(names)}")
        for contig in np.flatnonzero(np.array(names) == chrom):
            offset, length = int(offsets[contig]), int(self.contigs.length[contig])
            first, last = max(start, offset), min(end, offset + length)
            if first < last:
                yield (
                    contig,
                    slice(first - start, last - start),
                    slice(first - offset, last - offset),
                )

    def read_bins(self, bins: np.ndarray | slice, targets: int | slice | None = None) -> np.ndarray:
        """Return the coverage of bins, (bins, targets), or of one target, (bins,); float32.

        `bins` are numbers of bins, counted through all contigs. Of ascending ones each chunk of the
        file is unpacked once. Targets of one of `cells.groups` cost what one of them costs.
        """
        if isinstance(targets, int | np.integer):
            return self.read_bins(bins, slice(targets, targets + 1))[:, 0]
        rows = slice(None) if targets is None else targets
        if isinstance(bins, slice):
            bins = np.arange(self.bins)[bins]
        sum_stat = self.targets.sum_stat[rows]
        found_TB = np.empty((len(sum_stat), len(bins)), np.float32)
        per_bin = self.bin_size // self.resolution
        for here, cells_TBk in self.cells.read_bins(bins, rows, per_bin):
            found_TB[:, here] = pool_cells(cells_TBk, sum_stat)
        return found_TB.T

    @property
    def bins(self) -> int:
        """How many bins all contigs have together."""
        return self.cells.shape[1] * self.resolution // self.bin_size

    def room_of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each window can move to the left and to the right in its region."""
        windows = self.windows[rows]
        regions = self.regions
        first = self.contigs.first_base
        start = first[windows["contig"]] + windows["start"]
        starts = first[regions["contig"]] + regions["start"]
        here = regions[np.searchsorted(starts, start, side="right") - 1]
        return windows["start"] - here["start"], here["end"] - windows["end"]

    def forget(self) -> None:
        """Tell the system that the pages read so far are not needed again (`madvise`).

        They stay in the system's cache while there is room, but no longer count as memory of this
        process, which would grow to the size of the dataset.
        """
        if isinstance(self.codes, np.memmap):
            self.codes._mmap.madvise(mmap.MADV_DONTNEED)
        self.cells.forget()


def _place(windows: np.ndarray, contigs: Contigs) -> np.ndarray:
    """Return the windows table with positions on chromosomes instead of those on their pieces."""
    placed, names = windows.copy(), contigs.place_name
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    placed["contig"] = [number[names[contig]] for contig in windows["contig"]]
    for key in ("start", "end"):
        placed[key] += contigs.offset[windows["contig"]]
    return placed


def read_dataset(path: str | Path, fold: int = 0) -> Dataset:
    """Open a dataset with the splits of a fold; large arrays are memory-mapped, read-only."""
    path = Path(path)
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), REMEDY) as file:
        header = check_attributes(_Header, file.attrs, path, REMEDY)
        contigs = Contigs(
            tuple(file["contigs/name"].asstr()[()].tolist()),
            file["contigs/length"][()],
            file["contigs/first_base"][()],
            file["contigs/first_bin"][()],
            tuple(file["contigs/chrom"].asstr()[()].tolist()),
            file["contigs/offset"][()],
            file["contigs/chrom_length"][()],
        )
        folds, windows = file["folds"][()], file["windows"][()].view(WINDOW_DTYPE)
        parts, regions = windows["split"].copy(), file["regions"][()].view(REGION_DTYPE)
        fault = _find_fault(header, contigs, windows, folds, file)
        if fault or not 0 <= fold < len(folds):
            fault = fault or f"has folds 0 to {len(folds) - 1}, but fold {fold} is asked for"
            raise SeqcastError(f"{path}: {fault}; {REMEDY}")
        windows["split"] = folds[fold][parts]
        return Dataset(
            path=path,
            bin_size=header.bin_size,
            resolution=header.resolution,
            crop=header.crop,
            targets=header.targets,
            contigs=contigs,
            windows=windows,
            parts=parts,
            regions=regions,
            codes=read_mapped(path, file["sequence"]),
            cells=open_chunked(path, file["coverage"]),
            source=header.source,
            digest=header.digest,
            fold=fold,
            folds=len(folds),
        )


def _find_fault(
    header: _Header, contigs: Contigs, windows: np.ndarray, folds: np.ndarray, file: h5py.File
) -> str:
    """Return what does not agree between a file's attributes and its arrays, "" if all does."""
    bins = int((-(-contigs.length // header.bin_size)).sum())
    shape = (len(header.targets), bins * (header.bin_size // header.resolution))
    if file["coverage"].shape != shape:
        return f"/coverage has shape {file['coverage'].shape}, wanted {shape} as its attributes say"
    if file["sequence"].shape != (contigs.length.sum(),):
        return (
            f"/sequence has {file['sequence'].size:,} bases, but contigs {contigs.length.sum():,}"
        )
    margins = 2 * header.crop * header.bin_size
    if len(windows) and windows["end"][0] - windows["start"][0] <= margins:
        return f"crop is {header.crop} bins, which leaves none of a window"
    if windows["split"].max(initial=0) >= folds.shape[1] or folds.max(initial=0) >= len(SPLITS):
        return "/folds does not say the split of every part"
    return ""


def check_dataset(dataset: Dataset) -> list[str]:
    """Return the faults of a dataset, one line each; none means that it keeps its format."""
    faults = []
    windows, contigs = dataset.windows, dataset.contigs
    lengths = windows["end"] - windows["start"]
    if len(windows) == 0:
        return [f"{dataset.path}: /windows is empty"]
    if len(set(lengths.tolist())) != 1:
        faults.append(f"/windows have lengths {sorted(set(lengths.tolist()))}, wanted one length")
    if np.any(windows["start"] % dataset.bin_size) or np.any(lengths % dataset.bin_size):
        faults.append(f"/windows do not lie on bins of {dataset.bin_size}")
    if np.any(windows["start"] < 0) or np.any(windows["end"] > contigs.length[windows["contig"]]):
        faults.append("/windows reach past the end of their contig")
    if min(room.min() for room in dataset.room_of(np.arange(len(windows)))) < 0:
        faults.append("/windows reach out of their /regions")
    for split in SPLITS:
        if not len(dataset.rows_of(split)):
            faults.append(f"/windows has none of the split {split}")
    overlaps = find_split_overlaps(_place(windows, contigs))
    if overlaps:
        faults.append(f"/windows has {len(overlaps)} pairs of different splits that overlap")
    for first in range(0, dataset.codes.size, 1 << 24):
        if dataset.codes[first : first + (1 << 24)].max() > 4:
            faults.append("/sequence holds codes above 4 (N)")
            break
    for first, rows in product(range(0, dataset.cells.shape[1], 1 << 16), dataset.cells.groups):
        end = min(first + (1 << 16), dataset.cells.shape[1])
        block = dataset.cells.read(first, end, rows)
        if np.any(np.isinf(block)) or np.any(block < 0):
            faults.append("/coverage holds infinite or negative values")
            break
    return [f"{dataset.path}: {fault}" for fault in faults]
