"""The windows of a Basenji-style HDF5 file, and stretches to know them by.

Everything here is in the file's channels, 0..3 and 4 for N; which base a channel is, is left open.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from seqcast.core.console import progress
from seqcast.data import SPLITS
from seqcast.genome.codes import N
from seqcast.genome.kmers import K, mark_known, pack_kmers
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, read_rows

# A genome is looked at only on multiples of 64. A stretch of 95 known bases holds 32-mers from 64
# positions on, so wherever it lies in the genome, exactly one of them lies on a multiple of 64.
STEP = 64
STRETCH = K + STEP - 1
# Of so many stretches, spread over a window, those are kept that begin as few others do: copies of
# a repeat would each have to be looked at, for every window that has the repeat.
_TRIED, STRETCHES = 16, 8
# Shares of a window, spread by the golden ratio: any few in a row are far apart.
_GOLDEN = np.arange(_TRIED) * 0.6180339887498949 % 1
# Three channels a byte, of five values each: memory for thousands of windows.
_TRIPLES = np.array(list(itertools.product(range(5), repeat=3)), dtype=np.uint8)
_PLACE_VALUES = np.array([25, 5, 1], dtype=np.uint8)


@dataclass(frozen=True)
class Windows:
    """All windows: `split` (a place in SPLITS), `row`, and `known` bases are (windows,).

    `blank` windows cannot be located: fewer than half of the bases are known, or nowhere 95 in a
    row. Of others `starts` (windows, 8) has where stretches begin, `stretches` (windows, 8, 95)
    their channels. `packed` (windows, length / 3) holds three channels a byte.
    """

    length: int
    split: np.ndarray
    row: np.ndarray
    known: np.ndarray
    blank: np.ndarray
    starts: np.ndarray
    stretches: np.ndarray
    packed: np.ndarray

    def channels(self, window: int) -> np.ndarray:
        """Return the channels of a window, (length,) uint8, 4 where N."""
        return _TRIPLES[self.packed[window]].reshape(-1)[: self.length]

    def find_probes(self, most: int) -> np.ndarray:
        """Return up to `most` windows of each split that are not blank, spread evenly."""
        probes = []
        for split in range(len(SPLITS)):
            usable = np.flatnonzero((self.split == split) & ~self.blank)
            chosen = np.linspace(0, usable.size - 1, min(most, usable.size)).round()
            probes.append(usable[chosen.astype(np.intp)])
        return np.concatenate(probes)


def read_windows(file: h5py.File, counts: Mapping[str, int]) -> Windows:
    """Read the first windows of each split, `counts` of them, in one pass over the file."""
    length, total = file["train_in"].shape[1], sum(counts.values())
    packed = np.zeros((total, -(-length // 3)), dtype=np.uint8)
    known = np.zeros(total, dtype=np.int64)
    blank = np.ones(total, dtype=bool)
    starts = np.zeros((total, _TRIED), dtype=np.int64)
    stretches = np.zeros((total, _TRIED, STRETCH), dtype=np.uint8)
    rows = [(split, row) for split in SPLITS for row in range(counts[split])]
    with progress(total, "read windows", "window") as bar:
        arrays = (read_rows(file[f"{split}_in"], counts[split]) for split in SPLITS)
        for window, (_, rows_L4) in enumerate(itertools.chain.from_iterable(arrays)):
            channels = codes_from_one_hot(rows_L4)
            packed[window] = np.pad(channels, (0, -length % 3)).reshape(-1, 3) @ _PLACE_VALUES
            known[window] = np.count_nonzero(channels < N)
            usable = np.flatnonzero(mark_known(channels, STRETCH))
            if usable.size and 2 * known[window] >= length:
                blank[window] = False
                starts[window] = usable[(_GOLDEN * usable.size).astype(np.intp)]
                stretches[window] = channels[starts[window][:, None] + np.arange(STRETCH)]
            bar.update(1)
    # A few 32-mers of each tell a repeat.
    kmers = pack_kmers(stretches)[..., ::8]
    _, which, copies = np.unique(kmers, return_inverse=True, return_counts=True)
    copies = copies[which].reshape(kmers.shape).sum(axis=2)
    rarest = np.argsort(copies, axis=1, kind="stable")[:, :STRETCHES]
    return Windows(
        length=length,
        split=np.array([SPLITS.index(split) for split, _ in rows]),
        row=np.array([row for _, row in rows]),
        known=known,
        blank=blank,
        starts=np.take_along_axis(starts, rarest, axis=1),
        stretches=np.take_along_axis(stretches, rarest[..., None], axis=1),
        packed=packed,
    )
