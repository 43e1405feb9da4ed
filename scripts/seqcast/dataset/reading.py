"""Read a dataset, and check that it keeps its format."""

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqcast.damage import refuse_damage
from seqcast.dataset.layout import (
    FORMAT,
    FORMAT_VERSION,
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    find_split_overlaps,
    pool_cells,
)
from seqcast.disk import check_format
from seqcast.errors import SeqcastError
from seqcast.targets import Targets


@dataclass(frozen=True)
class Dataset:
    """A dataset opened for reading; sequence and coverage stay on disk until they are asked for.

    `sequence` is (bases,) uint8 codes, `coverage` (cells, targets) float32 as `Targets` says, NaN
    where nothing is known. A cell is `resolution` bases; `read_bins` makes bins of them. A model
    sees a whole window and predicts all its bins but `crop` at either side. `windows` has the
    splits of one fold out of `folds`, `parts` (windows,) the part of the genome that each is in.
    """

    path: Path
    bin_size: int
    resolution: int
    crop: int
    targets: Targets
    contigs: Contigs
    windows: np.ndarray
    parts: np.ndarray
    sequence: np.ndarray
    coverage: np.ndarray
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
        """Say whether contigs are places in a genome rather than one a window."""
        return bool(self.source["has_coordinates"])

    def find_places(self, rows: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
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
        """Return the sequence of a window, (window,) uint8, moved by so many bases."""
        contig, start, end, _ = self.windows[row]
        first = self.contigs.first_base[contig] + start + moved
        return np.asarray(self.sequence[first : first + end - start])

    def first_bin_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of each window's first predicted bin, counted through all contigs."""
        windows = self.windows[rows]
        return (
            self.contigs.first_bin[windows["contig"]]
            + windows["start"] // self.bin_size
            + self.crop
        )

    def coverage_of(self, row: int, moved: int = 0) -> np.ndarray:
        """Return the coverage of a window's predicted bins, (output_bins, targets) float32.

        A window moved to between two cells has the mean of the windows at both, weighted by how
        near each is: what it would have if the bases within a cell were alike.
        """
        k, size = self.bin_size // self.resolution, self.output_bins
        cells, part = divmod(moved, self.resolution)
        first = int(self.first_bin_of(np.array([row]))[0]) * k + cells
        before = self._pool(np.asarray(self.coverage[first : first + size * k]))
        if not part:
            return before
        after = self._pool(np.asarray(self.coverage[first + 1 : first + 1 + size * k]))
        share = np.float32(part / self.resolution)
        return before * (1 - share) + after * share

    def read_bins(self, bins: np.ndarray, target: int | None = None) -> np.ndarray:
        """Return the coverage of bins, (bins, targets), or of one target, (bins,); float32.

        `bins` are numbers of bins, counted through all contigs.
        """
        k = self.bin_size // self.resolution
        columns = slice(None) if target is None else slice(target, target + 1)
        cells = self.coverage.reshape(-1, k, len(self.targets))[bins, :, columns]
        pooled = pool_cells(np.asarray(cells), self.targets.sum_stat[columns])
        return pooled if target is None else pooled[:, 0]

    @property
    def bins(self) -> int:
        """How many bins all contigs have together."""
        return len(self.coverage) * self.resolution // self.bin_size

    def find_room(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each window can move to the left and to the right in its contig."""
        windows = self.windows[rows]
        return windows["start"], self.contigs.length[windows["contig"]] - windows["end"]

    def forget(self) -> None:
        """Let go of the pages that were read.

        They stay in the system's cache while there is room, but no longer count as memory of this
        process, which would grow to the size of the dataset.
        """
        for array in (self.sequence, self.coverage):
            if isinstance(array, np.memmap):
                array._mmap.madvise(mmap.MADV_DONTNEED)

    def _pool(self, cells: np.ndarray) -> np.ndarray:
        """Make bins of cells one after the other, (cells, targets)."""
        k = self.bin_size // self.resolution
        return pool_cells(cells.reshape(-1, k, cells.shape[-1]), self.targets.sum_stat)


def _place(windows: np.ndarray, contigs: Contigs) -> np.ndarray:
    """Return the windows table with places on chromosomes in place of those on their pieces."""
    placed, names = windows.copy(), contigs.place_name
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    placed["contig"] = [number[names[contig]] for contig in windows["contig"]]
    for key in ("start", "end"):
        placed[key] += contigs.offset[windows["contig"]]
    return placed


def read_dataset(path: str | Path, fold: int = 0) -> Dataset:
    """Open a dataset with the splits of a fold; large arrays are memory-mapped, read-only."""
    path = Path(path)
    mend = "delete the file and run `snakemake dataset`"
    what = "cannot be read as HDF5, or is not a whole dataset"
    with refuse_damage(path, what, mend), h5py.File(path, "r") as file:
        check_format(path, file.attrs, (FORMAT, FORMAT_VERSION), mend)
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
        parts = windows["split"].copy()
        windows["split"] = folds[fold][parts]
        return Dataset(
            path=path,
            bin_size=int(file.attrs["bin_size"]),
            resolution=int(file.attrs["resolution"]),
            crop=int(file.attrs["crop"]),
            targets=Targets.from_json(file.attrs["targets"]),
            contigs=contigs,
            windows=windows,
            parts=parts,
            sequence=read_mapped(path, file["sequence"]),
            coverage=read_mapped(path, file["coverage"]),
            source=json.loads(file.attrs["source"]),
            digest=file.attrs["digest"],
            fold=fold,
            folds=len(folds),
        )


def read_mapped(path: Path, array: h5py.Dataset) -> np.ndarray:
    """Map a contiguous HDF5 array into memory without reading it."""
    if array.id.get_offset() is None:
        raise SeqcastError(
            f"{path}: {array.name} is empty or lies in chunks, wanted one piece; make it anew"
        )
    return np.memmap(path, array.dtype, mode="r", offset=array.id.get_offset(), shape=array.shape)


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
    for split in SPLITS:
        if not len(dataset.rows_of(split)):
            faults.append(f"/windows has none of the split {split}")
    overlaps = find_split_overlaps(_place(windows, contigs))
    if overlaps:
        faults.append(f"/windows has {len(overlaps)} pairs of different splits that overlap")
    for first in range(0, dataset.sequence.size, 1 << 24):
        if dataset.sequence[first : first + (1 << 24)].max() > 4:
            faults.append("/sequence holds codes above 4 (N)")
            break
    for first in range(0, len(dataset.coverage), 1 << 18):
        block = dataset.coverage[first : first + (1 << 18)]
        if np.any(np.isinf(block)) or np.any(block < 0):
            faults.append("/coverage holds infinite or negative values")
            break
    return [f"{dataset.path}: {fault}" for fault in faults]
