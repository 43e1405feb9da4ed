"""The windows of a Basenji-style HDF5 file, two bits a base, and stretches to know them by.

Everything here is in the file's channels, 0..3 and 4 for N; which base a channel is, is left open.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from seqcast.console import progress
from seqcast.dataset import SPLITS
from seqcast.genome import N
from seqcast.locating.index import Index
from seqcast.locating.kmers import STEP, STRETCH, sample_kmers, slide_kmers
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, read_rows

# Of so many stretches, spread over a window, those are kept that are rarest in all windows.
_TRIED, _KEPT = 16, 8
_SPOTS = 24
_GOLDEN = 0.6180339887498949
# For the rarity of stretches it is enough to look at some of their 32-mers and of the windows.
_RANKED_EVERY = 8
_SAMPLED_KMERS = 1 << 23
_SHIFTS = np.array([6, 4, 2, 0], dtype=np.uint8)


@dataclass(frozen=True)
class Stretches:
    """Stretches of 95 known bases: of which window, from where on, and their channels (n, 95)."""

    window: np.ndarray
    start: np.ndarray
    channels: np.ndarray

    def take(self, which: np.ndarray) -> "Stretches":
        """Return some of them."""
        return Stretches(self.window[which], self.start[which], self.channels[which])


@dataclass(frozen=True)
class Windows:
    """All windows: `split` (a place in SPLITS), `row`, and `known` bases are (windows,).

    `spots` are positions that tell windows apart quickly; `at_spots` (windows, spots) the channels
    there. `blank` windows cannot be located: fewer than half of the bases are known, or nowhere 95
    in a row.
    """

    length: int
    split: np.ndarray
    row: np.ndarray
    known: np.ndarray
    blank: np.ndarray
    spots: np.ndarray
    at_spots: np.ndarray
    stretches: Stretches
    packed: np.ndarray
    unknown: Mapping[int, np.ndarray]

    def channels(self, window: int) -> np.ndarray:
        """Return the channels of a window, (length,) uint8, 4 where N."""
        channels = ((self.packed[window][:, None] >> _SHIFTS) & 3).reshape(-1)[: self.length]
        for start, end in self.unknown.get(window, ()):
            channels[start:end] = N
        return channels

    def find_probes(self, most: int) -> np.ndarray:
        """Return up to `most` windows of each split that are not blank, spread evenly."""
        probes = []
        for place in range(len(SPLITS)):
            usable = np.flatnonzero((self.split == place) & ~self.blank)
            chosen = np.linspace(0, usable.size - 1, min(most, usable.size)).round()
            probes.append(usable[chosen.astype(np.intp)])
        return np.concatenate(probes)


def read_windows(file: h5py.File, counts: Mapping[str, int]) -> Windows:
    """Read the first so many windows of each split, in one pass over the file."""
    length, total = file["train_in"].shape[1], sum(counts.values())
    spots = _make_spots(length)
    packed = np.zeros((total, -(-length // 4)), dtype=np.uint8)
    known = np.zeros(total, dtype=np.int64)
    at_spots = np.zeros((total, spots.size), dtype=np.uint8)
    unknown: dict[int, np.ndarray] = {}
    tried: list[Stretches] = []
    sampled: list[np.ndarray] = []
    every = STEP * max(1, total * length // STEP // _SAMPLED_KMERS)
    window = 0
    with progress(total, "read windows", "window") as bar:
        for split in SPLITS:
            for _, rows_L4 in read_rows(file[f"{split}_in"], counts[split]):
                channels = codes_from_one_hot(rows_L4)
                runs = _find_runs(channels == N)
                if runs.size:
                    unknown[window] = runs
                known[window] = length - int((runs[:, 1] - runs[:, 0]).sum())
                packed[window] = _pack(channels)
                at_spots[window] = channels[spots]
                if 2 * known[window] >= length:
                    tried.append(_try_stretches(window, channels, runs))
                    sampled.append(sample_kmers(channels, every)[0])
                window += 1
                bar.update(1)
    stretches = _choose_stretches(_join(tried), np.concatenate([np.empty(0, np.uint64), *sampled]))
    blank = np.ones(total, dtype=bool)
    blank[stretches.window] = False
    return Windows(
        length=length,
        split=np.repeat(np.arange(len(SPLITS)), [counts[split] for split in SPLITS]),
        row=np.concatenate([np.arange(counts[split]) for split in SPLITS]),
        known=known,
        blank=blank,
        spots=spots,
        at_spots=at_spots,
        stretches=stretches,
        packed=packed,
        unknown=unknown,
    )


def _make_spots(length: int) -> np.ndarray:
    """Spread positions over a window by the golden ratio: far apart, and of no period."""
    return ((np.arange(1, _SPOTS + 1) * _GOLDEN % 1) * length).astype(np.int64)


def _pack(channels: np.ndarray) -> np.ndarray:
    """Pack channels (length,) four to a byte; N is kept elsewhere."""
    fours = np.pad(channels & 3, (0, -channels.size % 4)).reshape(-1, 4)
    return np.bitwise_or.reduce(fours << _SHIFTS, axis=1)


def _find_runs(is_n: np.ndarray) -> np.ndarray:
    """Return the runs of true values, (runs, 2) as start and end."""
    if not is_n.any():
        return np.empty((0, 2), dtype=np.int64)
    edges = np.flatnonzero(np.diff(is_n, prepend=False, append=False))
    return edges.reshape(-1, 2)


def _try_stretches(window: int, channels: np.ndarray, runs: np.ndarray) -> Stretches:
    """Return stretches without N near places spread evenly over a window."""
    last = channels.size - STRETCH
    starts = np.unique(np.linspace(0, last, _TRIED).round().astype(np.int64))
    if runs.size:
        bad = np.zeros(last + 1, dtype=bool)
        for start, end in runs.tolist():
            bad[max(0, start - STRETCH + 1) : end] = True
        usable = np.flatnonzero(~bad)
        if not usable.size:
            starts = usable
        else:
            after = np.minimum(np.searchsorted(usable, starts), usable.size - 1)
            starts = np.unique(usable[after])
    rows = channels[starts[:, None] + np.arange(STRETCH)]
    return Stretches(np.full(starts.size, window), starts, rows)


def _join(parts: list[Stretches]) -> Stretches:
    empty = np.empty(0, dtype=np.int64)
    none = Stretches(empty, empty, np.empty((0, STRETCH), dtype=np.uint8))
    parts = [none, *parts]
    return Stretches(
        np.concatenate([part.window for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.channels for part in parts]),
    )


def _choose_stretches(tried: Stretches, sampled: np.ndarray) -> Stretches:
    """Keep of each window the stretches that are rarest in all windows, a sample of the genome.

    The copies of a repeat would each have to be looked at, for every window that has the repeat.
    """
    rows = tried.channels[:, : (STRETCH // _RANKED_EVERY) * _RANKED_EVERY]
    kmers = slide_kmers(rows)[:, ::_RANKED_EVERY]
    index = Index(kmers.reshape(-1))
    hits = np.zeros(tried.window.size, dtype=np.int64)
    for _, places in index.find(sampled):
        hits += np.bincount(places // kmers.shape[1], minlength=hits.size)
    order = np.lexsort((hits, tried.window))
    windows = tried.window[order]
    rank = np.arange(order.size) - np.searchsorted(windows, windows)
    return tried.take(np.sort(order[rank < _KEPT]))
