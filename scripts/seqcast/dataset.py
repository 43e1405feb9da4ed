"""`dataset.h5`: contigs with their coverage, and windows as a table over them.

The format is specified in docs/formats.md. One writer (`DatasetWriter`), one reader
(`read_dataset`), one checker (`check_dataset`).
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from seqcast.disk import make_room
from seqcast.errors import SeqcastError
from seqcast.targets import Targets

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


@dataclass(frozen=True)
class Dataset:
    """A dataset opened for reading; sequence and coverage stay on disk until they are asked for.

    `sequence` is (bases,) uint8 codes, `coverage` (bins, targets) float32 in the units of the
    source, NaN where nothing is known. A model sees a whole window and predicts all its bins but
    `crop` at either side.
    """

    path: Path
    bin_size: int
    crop: int
    targets: Targets
    contigs: Contigs
    windows: np.ndarray
    sequence: np.ndarray
    coverage: np.ndarray
    source: dict[str, Any]
    digest: str

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

    def rows_of(self, split: str) -> np.ndarray:
        """Return the rows of the windows table in a split, or in `all`."""
        if split == "all":
            return np.arange(len(self.windows))
        return np.flatnonzero(self.windows["split"] == SPLITS.index(split))

    def codes_of(self, row: int) -> np.ndarray:
        """Return the sequence of a window, (window,) uint8."""
        contig, start, end, _ = self.windows[row]
        first = self.contigs.first_base[contig]
        return np.asarray(self.sequence[first + start : first + end])

    def first_bin_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the row in `coverage` of each window's first predicted bin."""
        windows = self.windows[rows]
        return (
            self.contigs.first_bin[windows["contig"]]
            + windows["start"] // self.bin_size
            + self.crop
        )

    def coverage_of(self, row: int) -> np.ndarray:
        """Return the coverage of a window's predicted bins, (output_bins, targets) float32."""
        first = int(self.first_bin_of(np.array([row]))[0])
        return np.asarray(self.coverage[first : first + self.output_bins])


def read_dataset(path: str | Path) -> Dataset:
    """Open a dataset; the large arrays are memory-mapped, read-only."""
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            _check_format(path, file)
            contigs = Contigs(
                tuple(file["contigs/name"].asstr()[()].tolist()),
                file["contigs/length"][()],
                file["contigs/first_base"][()],
                file["contigs/first_bin"][()],
            )
            return Dataset(
                path=path,
                bin_size=int(file.attrs["bin_size"]),
                crop=int(file.attrs["crop"]),
                targets=Targets.from_json(file.attrs["targets"]),
                contigs=contigs,
                windows=file["windows"][()],
                sequence=_map(path, file["sequence"]),
                coverage=_map(path, file["coverage"]),
                source=json.loads(file.attrs["source"]),
                digest=file.attrs["digest"],
            )
    except OSError as error:
        raise SeqcastError(f"{path}: cannot be read as HDF5 ({error})") from None
    except KeyError as error:
        raise SeqcastError(f"{path}: is not a whole dataset ({error}); make it anew") from None


def _map(path: Path, array: h5py.Dataset) -> np.ndarray:
    """Map a contiguous HDF5 array into memory without reading it."""
    if array.id.get_offset() is None:
        raise SeqcastError(
            f"{path}: {array.name} is empty or lies in chunks, wanted one piece; make it anew"
        )
    return np.memmap(path, array.dtype, mode="r", offset=array.id.get_offset(), shape=array.shape)


def _check_format(path: Path, file: h5py.File) -> None:
    found = (file.attrs.get("format"), file.attrs.get("format_version"))
    if found != (FORMAT, FORMAT_VERSION):
        raise SeqcastError(
            f"{path}: found format {found[0]!r} version {found[1]}, wanted {FORMAT!r} version"
            f" {FORMAT_VERSION}; delete the file and run `snakemake dataset`"
        )


class DatasetWriter:
    """Write a dataset contig by contig; the file gets its name only when it is whole.

    Use as a context manager, add each contig in the order of `contigs`, then `finish`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        contigs: Contigs,
        targets: Targets,
        bin_size: int,
        crop: int = 0,
    ) -> None:
        self.path = Path(path)
        self.contigs, self.targets, self.bin_size, self.crop = contigs, targets, bin_size, crop
        self._partial = self.path.with_name(self.path.name + ".partial")
        bins = int((-(-contigs.length // bin_size)).sum())
        make_room(self._partial, int(contigs.length.sum()) + 4 * bins * len(targets))
        self._file = h5py.File(self._partial, "w")
        self._sequence = self._file.create_dataset(
            "sequence", (int(contigs.length.sum()),), dtype=np.uint8
        )
        self._coverage = self._file.create_dataset(
            "coverage", (bins, len(targets)), dtype=np.float32
        )
        self._digest = hashlib.sha256()
        self._added = 0

    def add_contig(self, codes: np.ndarray, coverage: np.ndarray) -> None:
        """Add the next contig: codes (length,), coverage (bins, targets)."""
        first_base = self.contigs.first_base[self._added]
        first_bin = self.contigs.first_bin[self._added]
        codes = np.ascontiguousarray(codes, dtype=np.uint8)
        coverage = np.ascontiguousarray(coverage, dtype=np.float32)
        length = int(self.contigs.length[self._added])
        wanted = (length, (-(-length // self.bin_size), len(self.targets)))
        if (codes.size, coverage.shape) != wanted:
            raise ValueError(
                f"{self.contigs.name[self._added]}: found {codes.size} bases and coverage"
                f" {coverage.shape}, wanted {wanted[0]} and {wanted[1]}"
            )
        self._sequence[first_base : first_base + codes.size] = codes
        self._coverage[first_bin : first_bin + len(coverage)] = coverage
        self._digest.update(codes)
        self._digest.update(coverage)
        self._added += 1

    def finish(
        self, windows: np.ndarray, source: Mapping[str, Any], targets: Targets | None = None
    ) -> str:
        """Write the windows, the targets table (where it was refined) and the file's name.

        `source` says where the data came from and must hold `has_coordinates`. Returns the digest
        of the content.
        """
        if self._added != len(self.contigs):
            raise ValueError(f"{self._added} contigs were added of {len(self.contigs)}")
        file, contigs, table = self._file, self.contigs, (targets or self.targets).to_json()
        file["contigs/name"] = np.array(contigs.name, dtype=h5py.string_dtype())
        file["contigs/length"] = contigs.length
        file["contigs/first_base"] = contigs.first_base
        file["contigs/first_bin"] = contigs.first_bin
        file["windows"] = windows.astype(WINDOW_DTYPE)
        layout = json.dumps([self.bin_size, self.crop, contigs.name, contigs.length.tolist()])
        self._digest.update(windows.astype(WINDOW_DTYPE).tobytes() + (table + layout).encode())
        digest = self._digest.hexdigest()
        file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            bin_size=self.bin_size,
            crop=self.crop,
            alphabet="ACGTN",
            targets=table,
            source=json.dumps(dict(source), sort_keys=True),
            digest=digest,
        )
        file.close()
        os.replace(self._partial, self.path)
        return digest

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


def write_manifest(dataset_path: Path, path: Path) -> None:
    """Write the few facts of a dataset that tell whether it is another one than before."""
    dataset = read_dataset(dataset_path)
    content = {
        "digest": dataset.digest,
        "windows": {split: len(dataset.rows_of(split)) for split in SPLITS},
        "targets": len(dataset.targets),
        "source": dataset.source,
    }
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


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
    overlaps = find_split_overlaps(windows)
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
