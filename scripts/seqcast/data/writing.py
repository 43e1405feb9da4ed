"""Write a dataset contig by contig."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqcast.core.chunks import ChunkWriter, open_chunked
from seqcast.core.console import progress
from seqcast.core.disk import make_room, write_text
from seqcast.core.hdf5 import Draft
from seqcast.core.reading_ahead import work_ahead
from seqcast.data.layout import (
    FORMAT,
    FORMAT_VERSION,
    ONE_FOLD,
    REGION_DTYPE,
    SPLITS,
    STORED_WINDOW_DTYPE,
    TRAIN,
    WINDOW_DTYPE,
    Contigs,
    find_width,
    pool_cells,
)
from seqcast.data.reading import read_dataset
from seqcast.data.targets import Targets
from seqcast.genome.codes import N

# Coverage that is read at a time when its means are taken.
_BLOCK_BYTES = 1 << 24
# Bases, and cells of each target, that are moved at a time.
_PIECE_BASES = 1 << 22
_PIECE_CELLS = 1 << 16


class DatasetWriter(Draft):
    """Write a dataset contig by contig; the file gets its name only when it is whole.

    Use as a context manager. Add each contig in the order of `contigs`, whole (`add_contig`) or its
    sequence, piece by piece (`add_sequence`) and, group of targets by group, its `coverage`; then
    `finish`. What is written is the same for any number of `threads`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        contigs: Contigs,
        targets: Targets,
        bin_size: int,
        crop: int = 0,
        resolution: int | None = None,
        threads: int = 1,
    ) -> None:
        self.contigs = contigs
        self.targets = targets
        self.bin_size = bin_size
        self.crop = crop
        self.resolution = resolution or bin_size
        cells = int((-(-contigs.length // bin_size)).sum()) * self.cells_a_bin
        bases = int(contigs.length.sum())
        super().__init__(path, bases)
        # All of it is written: nothing is to be filled in before.
        self._sequence = self._file.create_dataset(
            "sequence", (bases,), np.uint8, fillvalue=N, fill_time="never"
        )
        self.coverage = ChunkWriter(
            self._file,
            "coverage",
            len(targets),
            cells,
            find_width(len(targets), self.cells_a_bin),
            compressor="lz4hc",
        )
        self._threads = threads
        self._digest = hashlib.sha256()
        # Bases and whole contigs that were added.
        self._bases = self._added = 0

    @property
    def cells_a_bin(self) -> int:
        """How many values of coverage are kept for each bin."""
        return self.bin_size // self.resolution

    def add_contig(self, codes: np.ndarray, coverage: np.ndarray) -> None:
        """Add the next contig: codes (length,), coverage (bins x cells a bin, targets)."""
        name, length = self.contigs.name[self._added], self.contigs.length[self._added]
        cells = -(-length // self.bin_size) * self.cells_a_bin
        if len(codes) != length or coverage.shape != (cells, len(self.targets)):
            raise ValueError(
                f"{name}: found {len(codes):,} bases and coverage {coverage.shape},"
                f" wanted {length:,} and {(cells, len(self.targets))}"
            )
        self.add_sequence(codes)
        self.coverage.add(coverage.T)
        self._added += 1

    def add_sequence(self, codes: np.ndarray) -> None:
        """Add the next codes, (bases,), contig after contig; their coverage goes to `coverage`."""
        codes = np.ascontiguousarray(codes, dtype=np.uint8)
        self._sequence[self._bases : self._bases + len(codes)] = codes
        self._digest.update(codes)
        self._bases += len(codes)

    def finish(
        self,
        windows: np.ndarray,
        source: Mapping[str, Any],
        targets: Targets | None = None,
        folds: np.ndarray = ONE_FOLD,
        regions: np.ndarray | None = None,
    ) -> str:
        """Write the windows, the targets table (where it was refined) and the file's name.

        The table's `mean` and `training_unit` are filled in from what was written. `source` says
        where the data came from and must hold `has_coordinates`. `folds` is the split of each part
        in each fold; the split of a window is then its part. `regions`, by contig and start, are
        what windows stay in, whole contigs if not given. Returns the digest of the content.
        """
        if self._bases != len(self._sequence):
            raise ValueError(f"{self._bases:,} bases were added of {len(self._sequence):,}")
        file, contigs = self._file, self.contigs
        self._digest.update(self.coverage.finish().encode())
        table = self._fill_means(targets or self.targets, windows, folds).to_json()
        file["contigs/name"] = np.array(contigs.name, dtype=h5py.string_dtype())
        file["contigs/length"] = contigs.length
        file["contigs/first_base"] = contigs.first_base
        file["contigs/first_bin"] = contigs.first_bin
        file["contigs/chrom"] = np.array(contigs.chrom, dtype=h5py.string_dtype())
        file["contigs/offset"] = contigs.offset
        file["contigs/chrom_length"] = contigs.chrom_length
        rows = windows.astype(WINDOW_DTYPE).view(STORED_WINDOW_DTYPE)
        file["windows"], file["folds"] = rows, folds.astype(np.uint8)
        if regions is None:
            regions = np.zeros(len(contigs), REGION_DTYPE)
            regions["contig"], regions["end"] = np.arange(len(contigs)), contigs.length
        file["regions"] = regions = regions[list(REGION_DTYPE.names or ())].astype(REGION_DTYPE)
        layout = json.dumps(
            [
                (self.bin_size, self.resolution, self.crop),
                (contigs.name, contigs.length.tolist()),
                (contigs.chrom, contigs.offset.tolist(), contigs.chrom_length.tolist()),
            ]
        )
        self._digest.update(
            rows.tobytes() + folds.astype(np.uint8).tobytes() + (table + layout).encode()
        )
        self._digest.update(regions.tobytes())
        digest = self._digest.hexdigest()
        file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            bin_size=self.bin_size,
            resolution=self.resolution,
            crop=self.crop,
            alphabet="ACGTN",
            targets=table,
            source=json.dumps(dict(source), sort_keys=True),
            digest=digest,
        )
        self._keep()
        return digest

    def _fill_means(self, targets: Targets, windows: np.ndarray, folds: np.ndarray) -> Targets:
        """Return the table with the means of the bins that are trained on in any fold, each once.

        A pass over what was written, block by block: scale and clip are known only at its end.
        """
        cells = open_chunked(self._partial, self._file["coverage"])
        used = np.zeros(cells.shape[1] // self.cells_a_bin, dtype=bool)
        trained = np.isin(windows["split"], np.flatnonzero((folds == TRAIN).any(axis=0)))
        for contig, start, end, _ in windows[trained]:
            first = self.contigs.first_bin[contig]
            bins = slice(
                first + start // self.bin_size + self.crop,
                first + end // self.bin_size - self.crop,
            )
            used[bins] = True
        without_unit = replace(targets, training_unit=())
        # As many whole chunks at a time as fit into memory.
        chunks = max(1, _BLOCK_BYTES // (4 * cells.chunk[1] * len(targets)))
        size = max(1, chunks * cells.chunk[1] // self.cells_a_bin)

        def add_up(start: int) -> np.ndarray:
            """Return sums of a block's bins as read, of those as seen, and counts, (3, targets)."""
            block = used[start : start + size]
            if not block.any():
                return np.zeros((3, len(targets)))
            first, end = start * self.cells_a_bin, (start + len(block)) * self.cells_a_bin
            cells_TBk = cells.read(first, end).reshape(len(targets), len(block), -1)
            coverage_BT = pool_cells(cells_TBk, targets.sum_stat)[:, block].T
            known = np.isfinite(coverage_BT)
            seen_BT = without_unit.to_training(coverage_BT)
            return np.stack(
                [
                    np.sum(coverage_BT, axis=0, dtype=float, where=known),
                    np.sum(seen_BT, axis=0, dtype=float, where=known),
                    known.sum(axis=0),
                ]
            )

        total = np.zeros((3, len(targets)))
        with progress(len(used), "mean coverage", "bins") as bar:
            for sums in work_ahead(add_up, range(0, len(used), size), self._threads):
                total += sums
                bar.update(min(size, len(used) - bar.n))
        read, seen = total[:2] / np.maximum(total[2], 1)
        # What is 0 everywhere has no unit of its own, and any will do.
        unit = np.where(seen > 0, seen, 1.0)
        return replace(targets, mean=tuple(read.tolist()), training_unit=tuple(unit.tolist()))


class PieceWriter(DatasetWriter):
    """Write a dataset whose contigs are put together from windows that come in any order.

    Until all windows are there, coverage lies uncompressed in a file beside the dataset's.
    """

    def __init__(self, path: str | Path, **layout: Any) -> None:
        super().__init__(path, **layout)
        self._pieces_path = self.path.with_name(self.path.name + ".pieces.partial")
        shape = self.coverage.shape
        make_room(self._pieces_path, 4 * shape[0] * shape[1])
        self._cells = np.memmap(self._pieces_path, np.float32, "r+", shape=shape)
        self._cells[:] = np.nan
        for first in range(0, len(self._sequence), _PIECE_BASES):
            self._sequence[first : first + _PIECE_BASES] = N

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._pieces_path.unlink(missing_ok=True)

    def add_window(self, contig: int, start: int, codes: np.ndarray, coverage: np.ndarray) -> int:
        """Lay a window into a contig from its base `start` on; what is known there stays.

        `codes` is (length,), `coverage` (bins, targets), of one cell a bin. Returns how many
        values were known already and are not the same.
        """
        first = int(self.contigs.first_base[contig]) + start
        bases = self._sequence[first : first + codes.size]
        self._sequence[first : first + codes.size] = np.where(bases == N, codes, bases)
        first = int(self.contigs.first_bin[contig]) + start // self.bin_size
        known = self._cells[:, first : first + len(coverage)]
        is_known = np.isfinite(known)
        differing = is_known & np.isfinite(coverage.T) & (known != coverage.T)
        np.copyto(known, coverage.T, where=~is_known)
        return int(differing.sum())

    def finish(
        self,
        windows: np.ndarray,
        source: Mapping[str, Any],
        targets: Targets | None = None,
        folds: np.ndarray = ONE_FOLD,
        regions: np.ndarray | None = None,
    ) -> str:
        """Write the windows, the targets table and the file's name; see `DatasetWriter.finish`."""
        for first in range(0, len(self._sequence), _PIECE_BASES):
            self.add_sequence(self._sequence[first : first + _PIECE_BASES])
        for number, rows in enumerate(self.coverage.groups):
            for first in range(0, self._cells.shape[1], _PIECE_CELLS):
                self.coverage.add_group(number, self._cells[rows, first : first + _PIECE_CELLS])
        return super().finish(windows, source, targets, folds, regions)


def write_manifest(dataset_path: Path, path: Path) -> None:
    """Write the few facts of a dataset that tell whether it is another one than before."""
    dataset = read_dataset(dataset_path)
    content = {
        "digest": dataset.digest,
        "windows": {split: len(dataset.rows_of(split)) for split in SPLITS},
        "folds": dataset.folds,
        "targets": len(dataset.targets),
    }
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
