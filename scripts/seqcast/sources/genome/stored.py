"""Cells of bigWigs, read once and stored: `<track>.<key>.<contigs>.cells.h5`.

Reading a bigWig is most of the work of making a dataset. So each is read whole, by a process of its
own, into a file that stays: another split, stride, mask or clip reads no bigWig again, nor do fewer
contigs; a track more reads that track, and what a killed job had finished is not lost. The format
is specified in docs/formats.md.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np

from seqcast.core.chunks import ChunkedArray, ChunkWriter, open_chunked
from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.provenance import digest_samples
from seqcast.core.seal import AGAIN
from seqcast.sources.genome.layout import Track
from seqcast.sources.genome.opening import open_track
from seqcast.sources.genome.tracks import Reading, read_stretch

FORMAT = "seqcast-cells"
FORMAT_VERSION = 2
# Cells that are read at a time, and cells of a chunk: as many bytes as those of many tracks have.
_STRETCH = 1 << 20
_WIDTH = 1 << 16
# Fewer bases than this, over all tracks, are read sooner than processes are started.
_WORTH_PROCESSES = 1_000_000_000
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_GIVEN_UP = 3600
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Wanted:
    """A track to read: `lengths` of its contigs by the genome's names, and how to make cells.

    Cells are of `cell` bases, whole bins of each contig; `stat` and `missing` are as in `Reading`.
    """

    track: Track
    lengths: Mapping[str, int]
    cell: int
    bin_size: int
    stat: str
    missing: str

    @property
    def contigs(self) -> dict[str, int]:
        """Lengths of the contigs by the track's own names."""
        return {self.track.names[name]: length for name, length in self.lengths.items()}

    def count_cells(self, lengths: Iterable[int]) -> list[int]:
        """Return how many cells contigs of some lengths have."""
        per_bin = self.bin_size // self.cell
        return [-(-length // self.bin_size) * per_bin for length in lengths]

    def make_reading(self, contig: str, start: int, end: int) -> Reading:
        """Return how a stretch of a contig is read."""
        own = self.track.names[contig]
        return Reading(
            self.track.path, own, start, end, self.cell, self.bin_size, self.stat, self.missing
        )

    def find_key(self) -> str:
        """Return what the cells of a contig depend on, as text.

        Of the bigWig that is where it lies, its size and date, and samples of its content.
        """
        path = self.track.path.resolve()
        stamp = (str(path), path.stat().st_mtime_ns, digest_samples(path))
        made = (self.cell, self.bin_size, self.stat, self.missing, FORMAT_VERSION)
        return json.dumps([stamp, made])

    def find_file(self, folder: Path) -> Path:
        """Return the file in a folder that has these contigs, maybe others too, or one to make.

        A file that is there never changes: another job may be reading it.
        """
        key, contigs = (
            sha256(text.encode()).hexdigest() for text in (self.find_key(), repr(self.contigs))
        )
        start = f"{self.track.path.stem[:_LONGEST_NAME]}.{key[:16]}"
        own = folder / f"{start}.{contigs[:8]}.cells.h5"
        if not own.is_file():
            for other in sorted(folder.glob(f"{escape(start)}.*.cells.h5")):
                if self.contigs.items() <= _read_contigs(other).items():
                    return other
        return own


@dataclass(frozen=True)
class StoredTrack:
    """A track's cells, contig after contig; `lowest` and `highest` are of its values as read.

    `first` is the first cell of each contig that it has. Neither open nor mapped: there may be more
    tracks than a process may open files.
    """

    path: Path
    first: Mapping[str, int]
    lowest: float
    highest: float

    def open(self) -> ChunkedArray:
        """Open the cells, (1, cells)."""
        with h5py.File(self.path, "r") as file:
            return open_chunked(self.path, file["cells"])


def store_tracks(
    wanted: Sequence[Wanted | None], folder: Path, threads: int = 1
) -> list[StoredTrack | None]:
    """Read the tracks whose cells do not lie in a folder yet, and return those of all.

    Of None there is None. Several files are read at a time, one by each of so many processes.
    Raises `SeqcastError` where a file holds what cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [each.find_file(folder) if each else None for each in wanted]
    # A file that two targets name is read once.
    named = {path: each for path, each in zip(paths, wanted, strict=True) if path and each}
    missing = {path: each for path, each in named.items() if not path.is_file()}
    if len(missing) < len(named):
        log.info("%d of %d tracks were read before", len(named) - len(missing), len(named))
    bases = sum(sum(each.lengths.values()) for each in missing.values())
    processes = find_processes(bases, min(threads, len(missing)))
    with progress(bases, "reading tracks", "bases") as bar:
        if processes > 1:
            _store_together(missing, processes, bar.update)
        else:
            for path, each in missing.items():
                _store(path, each, bar.update)
    return [
        _read_stored(path, each) if path and each else None
        for path, each in zip(paths, wanted, strict=True)
    ]


def find_processes(bases: int, threads: int) -> int:
    """Return how many processes to read `bases` with, which are counted over all tracks."""
    return threads if bases > _WORTH_PROCESSES else 1


def _store(path: Path, wanted: Wanted, tell: Callable[[int], object]) -> None:
    """Read a track and write its cells; `tell` is given the bases that were read."""
    # Another job may read the same track, and write to its own file all the time. What was not
    # written to for long is of a job that was killed.
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        if time.time() - partial.stat().st_mtime > _SECONDS_GIVEN_UP:
            partial.unlink(missing_ok=True)
    with _Writer(path, 0, f".{os.getpid()}.partial") as writer:
        writer.write(wanted, tell)


class _Writer(Draft):
    """Write the cells of a track."""

    def write(self, wanted: Wanted, tell: Callable[[int], object]) -> None:
        """Read the bigWig and give the file its name."""
        key = wanted.find_key()
        cells = sum(wanted.count_cells(wanted.lengths.values()))
        writer = ChunkWriter(self._file, "cells", 1, cells, _WIDTH)
        step = max(1, _STRETCH * wanted.cell // wanted.bin_size) * wanted.bin_size
        lowest, highest = np.zeros((2, len(wanted.lengths)))
        with open_track(wanted.track.path) as opened:
            for row, (name, length) in enumerate(wanted.lengths.items()):
                for start in range(0, length, step):
                    end = min(start + step, length)
                    found = read_stretch(opened, wanted.make_reading(name, start, end))
                    writer.add(found.values[None])
                    lowest[row] = min(lowest[row], found.lowest)
                    highest[row] = max(highest[row], found.highest)
                    tell(end - start)
        writer.finish()
        names, lengths = list(wanted.contigs), list(wanted.contigs.values())
        self._file["contigs/name"] = np.array(names, dtype=h5py.string_dtype())
        self._file["contigs/length"] = np.array(lengths, dtype=np.int64)
        self._file["contigs/lowest"], self._file["contigs/highest"] = lowest, highest
        self._file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION, key=key)
        self._keep()


def _read_contigs(path: Path) -> dict[str, int]:
    """Return the contigs that a file has, by the track's own names, and their lengths."""
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        names, lengths = file["contigs/name"].asstr()[()], file["contigs/length"][()]
    return dict(zip(names.tolist(), lengths.tolist(), strict=True))


def _read_stored(path: Path, wanted: Wanted) -> StoredTrack:
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        names, lengths = file["contigs/name"].asstr()[()], file["contigs/length"][()]
        lowest, highest = file["contigs/lowest"][()], file["contigs/highest"][()]
    row_of = {name: row for row, name in enumerate(names.tolist())}
    rows = [row_of[name] for name in wanted.contigs]
    first = np.cumsum([0, *wanted.count_cells(lengths.tolist())])[rows].tolist()
    return StoredTrack(
        path,
        dict(zip(wanted.lengths, first, strict=True)),
        float(lowest[rows].min(initial=0)),
        float(highest[rows].max(initial=0)),
    )


def _store_together(
    missing: Mapping[Path, Wanted], processes: int, tell: Callable[[int], object]
) -> None:
    """Store tracks with several processes; threads would wait for Python's lock."""
    context = get_context("spawn")
    read = context.Value("q", 0)
    pool = ProcessPoolExecutor(processes, context, _count_in, (read,))
    said = 0
    try:
        # The largest first, so that none of them is what all wait for in the end.
        order = sorted(missing, key=lambda path: -missing[path].track.path.stat().st_size)
        with _bare_main():
            waiting = {pool.submit(_store, path, missing[path], _count) for path in order}
        while waiting:
            done, waiting = wait(waiting, _SECONDS_BETWEEN_LOOKS, FIRST_EXCEPTION)
            for each in done:
                each.result()
            tell(read.value - said)
            said = read.value
    except BrokenProcessPool:
        raise SeqcastError(
            "reading bigWigs: a process was killed; either memory ran out (use fewer --cores), or"
            " one of the files is damaged (with --cores 1 the log ends at it)"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


# In each process that reads: the number of bases that all have read.
_read: Any = None


def _count_in(read: Any) -> None:
    global _read
    _read = read


def _count(bases: int) -> None:
    with _read.get_lock():
        _read.value += bases


@contextmanager
def _bare_main() -> Iterator[None]:
    """Start workers without the running script, which they would otherwise run again.

    A workflow's script has no `if __name__ == "__main__"`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
