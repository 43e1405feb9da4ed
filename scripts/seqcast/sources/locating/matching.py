"""One pass over a genome that finds every exact placement of windows, on both strands.

Seed and extend: 32-mers of a window's stretches are looked for on multiples of 64 of the genome;
each one found says where the window would begin; there a base of each stretch is tried, and what
still agrees is compared in full.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcast.core.console import progress
from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.kmers import K, pack_kmers
from seqcast.sources.base_order import ORDERS, make_table
from seqcast.sources.genome.fasta import Fasta
from seqcast.sources.locating.windows import STEP, STRETCH, STRETCHES, Windows

# Bases looked at together: a multiple of STEP, so that its multiples in a block are the contig's.
_BLOCK = 1 << 24
# The code of each channel (and of N) in each order of the bases.
_TABLES = np.array([make_table(order) for order in ORDERS])


class Match(NamedTuple):
    """An exact placement: its first base on the plus strand, and bases unknown in either."""

    contig: str
    start: int
    strand: str
    unknown: int


@dataclass(frozen=True)
class Queries:
    """Windows that are looked for, each read in an order of ORDERS; arrays are (queries,).

    Of each what was found: all `matches`, and where most of its stretches are, if roughly: `near`
    has rows of stretches, contig, start, strand (0 is plus, 1 is minus).
    """

    windows: Windows
    window: np.ndarray
    order: np.ndarray
    matches: list[list[Match]]
    near: np.ndarray

    def read(self, query: int) -> np.ndarray:
        """Return the codes of a query's window, (length,) uint8, read in the query's order."""
        return _TABLES[self.order[query]][self.windows.channels(self.window[query])]


class _Stretches:
    """Stretches of queries on either strand: of query q they are in row 2 q, and 2 q + 1 on minus.

    `starts` and `bases`, the first one there, are (rows, 8); 32-mers from 64 positions of each are
    sorted in `kmers`, and `positions` has that of each in (rows, 8, 64).
    """

    def __init__(self, queries: Queries) -> None:
        windows = queries.windows
        codes = _TABLES[queries.order[:, None, None], windows.stretches[queries.window]]
        both = np.stack([codes, reverse_complement(codes)], axis=1).reshape(-1, STRETCHES, STRETCH)
        starts = windows.starts[queries.window]
        self.starts = np.stack([starts, windows.length - STRETCH - starts], axis=1)
        self.starts = self.starts.reshape(-1, STRETCHES)
        self.bases = both[..., 0]
        # Blank windows have none.
        usable = np.repeat(~windows.blank[queries.window], 2 * STRETCHES * STEP)
        kmers, positions = pack_kmers(both).reshape(-1)[usable], np.flatnonzero(usable)
        order = np.argsort(kmers)
        self.kmers, self.positions = kmers[order], positions[order]

    def find(self, codes: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, where each would begin in a block (0 to `last`), and stretches that say so.

        All are (candidates,), in the order of row and beginning.
        """
        seeds = codes[: codes.size // STEP * STEP].reshape(-1, STEP)[:, :K]
        kmers = pack_kmers(seeds, apart=True)[:, 0]
        # Sorted questions go through the sorted answers from left to right, within the cache.
        seed = np.argsort(kmers)
        first = np.searchsorted(self.kmers, kmers[seed])
        end = np.searchsorted(self.kmers, kmers[seed], side="right")
        end = np.where((seeds[seed] < N).all(axis=1), end, first)
        keys = [np.empty(0, dtype=np.int64)]
        # Stretches of several queries may hold the same 32-mer: one of them after the other.
        while (more := first < end).any():
            seed, first, end = seed[more], first[more], end[more]
            stretch, offset = np.divmod(self.positions[first], STEP)
            start = seed * STEP - offset - self.starts.reshape(-1)[stretch]
            inside = (start >= 0) & (start <= last)
            keys.append((stretch[inside] // STRETCHES) * _BLOCK + start[inside])
            first = first + 1
        found, votes = np.unique(np.concatenate(keys), return_counts=True)
        return *np.divmod(found, _BLOCK), votes

    def sift(
        self, codes: np.ndarray, row: np.ndarray, start: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the candidates that agree at a base of each stretch; most fall at the first."""
        for stretch in range(STRETCHES):
            theirs = codes[start + self.starts[row, stretch]]
            same = (theirs == self.bases[row, stretch]) | (theirs == N)
            row, start = row[same], start[same]
        return row, start


def find_matches(fasta: Fasta, windows: Windows, window: np.ndarray, order: np.ndarray) -> Queries:
    """Find all exact placements of windows (queries,), read in orders (queries,) of ORDERS.

    A base that is N on either side equals anything, but half of a window's bases must be known on
    both. Takes about a minute for 3 Gb and memory that does not depend on the genome.
    """
    near = np.zeros((window.size, 4), dtype=np.int64)
    queries = Queries(windows, window, order, [[] for _ in window], near)
    stretches = _Stretches(queries)
    with progress(sum(fasta.lengths.values()), "locate", "base") as bar:
        for contig, (name, length) in enumerate(fasta.lengths.items()):
            for first in range(0, length, _BLOCK):
                # A window that begins in this block may end in the next.
                codes = fasta.read(name, first, min(first + _BLOCK + windows.length - 1, length))
                last = min(_BLOCK - 1, codes.size - windows.length)
                row, start, votes = stretches.find(codes, last)
                found = [votes, np.full_like(votes, contig), first + start, row % 2]
                _note_near(near, row // 2, np.column_stack(found))
                row, start = stretches.sift(codes, row, start)
                for each, position, unknown in _compare(queries, codes, row, start):
                    match = Match(name, first + position, "+-"[each % 2], unknown)
                    queries.matches[each // 2].append(match)
                bar.update(min(_BLOCK, length - first))
    return queries


def _note_near(near: np.ndarray, query: np.ndarray, found: np.ndarray) -> None:
    """Keep for each query the place where most of its stretches are."""
    better = np.flatnonzero(found[:, 0] > near[query, 0])
    # Of several for a query the last one, with the most stretches, is kept.
    better = better[np.argsort(found[better, 0], kind="stable")]
    near[query[better]] = found[better]


def _compare(
    queries: Queries, codes: np.ndarray, rows: np.ndarray, starts: np.ndarray
) -> Iterator[tuple[int, int, int]]:
    """Yield row, start and unknown bases of candidates whose known bases all agree."""
    for row in np.unique(rows).tolist():
        # In a tandem repeat a window has thousands of places, and is unpacked once.
        ours = queries.read(row // 2)
        ours = reverse_complement(ours) if row % 2 else ours
        for start in starts[rows == row].tolist():
            theirs = codes[start : start + ours.size]
            either = (ours == N) | (theirs == N)
            unknown = int(np.count_nonzero(either))
            if 2 * unknown <= ours.size and ((ours == theirs) | either).all():
                yield row, start, unknown
