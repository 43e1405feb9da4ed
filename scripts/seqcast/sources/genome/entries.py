"""What a track's entries say where its header does not: one look, without pooling them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqcast.core.console import progress
from seqcast.sources.genome.opening import open_track


def find_covered(path: Path, names: Iterable[str]) -> frozenset[str]:
    """Return which contigs of a track, by its own names, have a value other than 0.

    Exact: the entries themselves are read, as zoom levels of some writers lack values, but only
    up to a contig's first such value. Raises `SeqcastError` where they cannot be read.
    """
    with open_track(path) as track:
        return frozenset(
            name
            for name in names
            if any(np.nan_to_num(values).any() for _, values in track.entries(name))
        )


def summarise(path: Path) -> tuple[int, float, float, float, int]:
    """Return what a header may lack: bases with a value, least, most and sum, bases with NaN.

    Reads all entries.
    """
    bases = 0
    unknown = 0
    total = 0.0
    least = np.inf
    most = -np.inf
    with (
        open_track(path) as track,
        progress(sum(track.contigs.values()), f"summing {path.name}", "bases") as bar,
    ):
        for name, length in track.contigs.items():
            for sizes, values in track.entries(name):
                known = ~np.isnan(values)
                unknown += int(sizes[~known].sum())
                sizes, values = sizes[known], values[known].astype(np.float64)
                bases, total = bases + int(sizes.sum()), total + float(sizes @ values)
                least = min(least, float(values.min(initial=np.inf)))
                most = max(most, float(values.max(initial=-np.inf)))
            bar.update(length)
    return (bases, least, most, total, unknown) if bases else (0, 0.0, 0.0, 0.0, unknown)
