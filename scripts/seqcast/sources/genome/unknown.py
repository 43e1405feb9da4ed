"""Where a genome's sequence is unknown: runs of N, found once and stored, `<genome>.<key>.n.h5`.

Of a sequence nothing else is needed to plan windows. Finding them takes a pass over it; another
split, stride, mask or clip needs none. The format is specified in docs/formats.md.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import h5py
import numpy as np

from seqcast.core.console import progress
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN
from seqcast.genome.codes import find_runs_of_n
from seqcast.sources.genome.fasta import Fasta
from seqcast.sources.genome.unpacking import name_for

FORMAT = "seqcast-unknown"
FORMAT_VERSION = 1
# Bases that are read at a time.
_BASES = 1 << 22


def find_unknown_runs(fasta: Fasta, contigs: Iterable[str], work: Path) -> dict[str, np.ndarray]:
    """Return the runs of N of contigs, (n, 2) bases each: start and end.

    Those that the folder `work` does not have yet are looked for, and stored beside the others.
    Raises `SeqcastError` where a contig has letters that are not DNA.
    """
    path = name_for(fasta.plain, work, "n.h5")
    found = _read(path) if path.is_file() else {}
    contigs = list(contigs)
    missing = [name for name in contigs if name not in found]
    if missing:
        lengths = fasta.lengths
        with progress(sum(lengths[name] for name in missing), "looking for N", "bases") as bar:
            for name in missing:
                edges = [np.zeros((0, 2), dtype=np.int64)]
                for first in range(0, lengths[name], _BASES):
                    codes = fasta.read(name, first, min(first + _BASES, lengths[name]))
                    edges.append(first + find_runs_of_n(codes))
                    bar.update(len(codes))
                # Where one ends and the next one begins there was no edge, but that of a block.
                bases, count = np.unique(np.concatenate(edges), return_counts=True)
                found[name] = bases[count == 1].reshape(-1, 2)
        # Another run may store them too. Whoever is last has the name, and all that it knows of.
        with _Writer(path, 0, f".{os.getpid()}.partial") as writer:
            writer.write(found)
    return {name: found[name] for name in contigs}


def count_before(runs: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return how many bases of runs, (n, 2) apart and in order, lie before places, (places,)."""
    if not len(runs):
        return np.zeros(len(places), dtype=np.int64)
    # It rises by one a base within runs and not at all between, so that no number is rounded.
    counts = np.zeros(runs.size, dtype=np.int64)
    counts[1::2] = np.cumsum(runs[:, 1] - runs[:, 0])
    counts[2::2] = counts[1:-1:2]
    return np.interp(places, runs.ravel(), counts).astype(np.int64)


class _Writer(Draft):
    """Write the runs of contigs."""

    def write(self, runs: Mapping[str, np.ndarray]) -> None:
        """Write them all and give the file its name."""
        self._file["contigs"] = np.array(list(runs), dtype=h5py.string_dtype())
        self._file["counts"] = [len(each) for each in runs.values()]
        self._file["runs"] = np.concatenate(list(runs.values()))
        self._file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION)
        self._keep()


def _read(path: Path) -> dict[str, np.ndarray]:
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        names = file["contigs"].asstr()[()].tolist()
        ends = np.cumsum(file["counts"][()])
        return dict(zip(names, np.split(file["runs"][()], ends[:-1]), strict=True))
