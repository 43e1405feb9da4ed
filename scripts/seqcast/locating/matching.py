"""One pass over a genome that finds every exact placement of windows, on both strands.

Seed and extend: 32-mers of a window's stretches are looked for on multiples of 64 of the genome;
each one found gives a candidate placement, which is tried at a few spots and then compared in full.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from seqcast.base_order import ORDERS
from seqcast.console import progress
from seqcast.genome import N, reverse_complement
from seqcast.locating.blocks import read_blocks
from seqcast.locating.index import Index
from seqcast.locating.kmers import STEP, STRETCH, K, sample_kmers, slide_kmers
from seqcast.locating.windows import Windows
from seqcast.sources.genome.fasta import Fasta

# A multiple of STEP, so that multiples of STEP in a block are multiples in the contig.
_BLOCK = 1 << 24
_STRETCHES_AT_ONCE = 4096
MOST_LISTED = 1000
# The code of each channel (and of N) in each order of the bases.
_TABLES = np.array([[*("ACGT".index(base) for base in order), N] for order in ORDERS], np.uint8)


_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Queries:
    """What is looked for: windows, (queries,), each read in an order of ORDERS, (queries,)."""

    window: np.ndarray
    order: np.ndarray


def read_query(windows: Windows, queries: Queries, query: int) -> np.ndarray:
    """Return the codes of a query's window, (length,) uint8, read in the query's order."""
    return _TABLES[queries.order[query]][windows.channels(int(queries.window[query]))]


@dataclass(frozen=True)
class Match:
    """An exact placement: index of the contig, start, strand +1 or -1, bases unknown in either."""

    contig: int
    start: int
    strand: int
    unknown: int


@dataclass
class Matches:
    """Placements of each query: `count` of all, the first 1,000 in `listed`.

    `near` is the best place of the others: rows of (stretches found, contig, start, strand).
    """

    count: np.ndarray
    near: np.ndarray
    listed: dict[int, list[Match]] = field(default_factory=dict)

    def add(self, query: int, match: Match) -> None:
        """Take in a placement."""
        self.count[query] += 1
        listed = self.listed.setdefault(query, [])
        if len(listed) < MOST_LISTED:
            listed.append(match)


@dataclass(frozen=True)
class _Candidates:
    """Where windows may lie: `start` in a block; `turned` is 2 x query, + 1 on the minus strand."""

    turned: np.ndarray
    start: np.ndarray
    stretch: np.ndarray

    def take(self, which: np.ndarray) -> "_Candidates":
        """Return some of the candidates."""
        return _Candidates(self.turned[which], self.start[which], self.stretch[which])


class _Anchors:
    """The 32-mers of the queries' stretches, on both strands."""

    def __init__(self, windows: Windows, queries: Queries) -> None:
        stretches = windows.stretches
        # Stretches are in the order of their windows.
        first = np.searchsorted(stretches.window, queries.window)
        counts = np.searchsorted(stretches.window, queries.window, side="right") - first
        self.query = np.repeat(np.arange(queries.window.size), counts)
        rank = np.arange(self.query.size) - np.repeat(np.cumsum(counts) - counts, counts)
        self.stretch = np.repeat(first, counts) + rank
        self._starts = stretches.start[self.stretch]
        self._length = windows.length
        kmers = np.empty((self.query.size, 2, STEP), dtype=np.uint64)
        for low in range(0, self.query.size, _STRETCHES_AT_ONCE):
            some = slice(low, low + _STRETCHES_AT_ONCE)
            tables = _TABLES[queries.order[self.query[some]]]
            codes = np.take_along_axis(tables, stretches.channels[self.stretch[some]], axis=1)
            kmers[some, 0] = slide_kmers(codes)
            kmers[some, 1] = slide_kmers(reverse_complement(codes))[:, ::-1]
        self._index = Index(kmers.reshape(-1))

    def find(self, codes: np.ndarray) -> Iterator[_Candidates]:
        """Yield candidates in a block of the genome."""
        kmers, positions = sample_kmers(codes)
        for places, anchors in self._index.find(kmers):
            entry, minus, offset = anchors // (2 * STEP), anchors // STEP % 2, anchors % STEP
            inside = self._starts[entry] + offset
            before = np.where(minus, self._length - K - inside, inside)
            yield _Candidates(
                2 * self.query[entry] + minus, positions[places] - before, self.stretch[entry]
            )


class _Pass:
    """The pass over the genome: one contig and block after the other."""

    def __init__(self, windows: Windows, queries: Queries) -> None:
        self.windows, self.queries = windows, queries
        self.anchors = _Anchors(windows, queries)
        at_spots = np.take_along_axis(
            _TABLES[queries.order], windows.at_spots[queries.window], axis=1
        )
        turned = np.stack([at_spots, reverse_complement(at_spots)[:, ::-1]], axis=1)
        self._at_spots = turned.reshape(-1, windows.spots.size)
        self._spots = np.stack([windows.spots, windows.length - 1 - windows.spots])
        count = queries.window.size
        self.found = Matches(np.zeros(count, np.int64), np.zeros((count, 4), np.int64))

    def search(self, contig: int, first: int, codes: np.ndarray) -> None:
        """Look for placements that begin in a block, whose codes go on for a window's length."""
        last = min(_BLOCK - 1, codes.size - self.windows.length)
        survivors = []
        for candidates in self.anchors.find(codes):
            inside = (candidates.start >= 0) & (candidates.start <= last)
            candidates = candidates.take(np.flatnonzero(inside))
            self._note_near(contig, first, candidates)
            survivors.append(self._try_spots(codes, candidates))
        keys = [each.turned.astype(np.int64) * _BLOCK + each.start for each in survivors]
        self._compare_all(contig, first, codes, np.concatenate([_NOTHING, *keys]))

    def _try_spots(self, codes: np.ndarray, candidates: _Candidates) -> _Candidates:
        """Return the candidates that agree at all spots; most others fall at the first."""
        for spot in range(self.windows.spots.size):
            theirs = codes[candidates.start + self._spots[candidates.turned & 1, spot]]
            ours = self._at_spots[candidates.turned, spot]
            same = (theirs == ours) | (theirs == N) | (ours == N)
            candidates = candidates.take(np.flatnonzero(same))
        return candidates

    def _compare_all(self, contig: int, first: int, codes: np.ndarray, keys: np.ndarray) -> None:
        """Compare windows with the genome in full, and keep those whose known bases all agree."""
        # Sorted: in a tandem repeat a window has thousands of places, and is unpacked once.
        read, ours = -1, codes
        for key in np.unique(keys).tolist():
            turned, start = divmod(key, _BLOCK)
            query, minus = divmod(turned, 2)
            if turned != read:
                read, ours = turned, read_query(self.windows, self.queries, query)
                ours = reverse_complement(ours) if minus else ours
            unknown = _count_unknown(ours, codes[start : start + ours.size])
            if unknown is not None and 2 * unknown <= ours.size:
                self.found.add(query, Match(contig, first + start, 1 - 2 * minus, unknown))

    def _note_near(self, contig: int, first: int, candidates: _Candidates) -> None:
        """Keep for each query the place where most of its stretches were found, if roughly."""
        near = self.found.near
        candidates = candidates.take(np.flatnonzero(self.found.count[candidates.turned >> 1] == 0))
        if not candidates.start.size:
            return
        region = candidates.start // max(STRETCH, self.windows.length // 4)
        order = np.lexsort((candidates.stretch, region, candidates.turned))
        keys = np.stack([candidates.turned, region, candidates.stretch], axis=1)[order]
        new = np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)])
        order, keys = order[new], keys[new]
        place = np.flatnonzero(
            np.concatenate([[True], (keys[1:, :2] != keys[:-1, :2]).any(axis=1)])
        )
        votes = np.diff(np.append(place, len(keys)))
        rows = order[place + votes // 2]
        query = candidates.turned[rows] >> 1
        better = np.flatnonzero(votes > near[query, 0])
        better = better[np.argsort(votes[better], kind="stable")]
        # Of several rows for a query the last one, with the most votes, is kept.
        strand = 1 - 2 * (candidates.turned[rows] & 1)
        start = first + candidates.start[rows]
        table = np.stack([votes, np.full(votes.size, contig), start, strand], axis=1)
        near[query[better]] = table[better]


def _count_unknown(ours: np.ndarray, theirs: np.ndarray) -> int | None:
    """Count the bases that are N on either side, or return None where known bases differ."""
    if np.array_equal(ours, theirs):
        return int(np.count_nonzero(ours == N))
    either = (ours == N) | (theirs == N)
    return int(np.count_nonzero(either)) if ((ours == theirs) | either).all() else None


def find_matches(fasta: Fasta, windows: Windows, queries: Queries) -> Matches:
    """Find all exact placements of the queries; contigs are numbered in the FASTA's order.

    A base that is N on either side equals anything, but half of a window's bases must be known on
    both. Takes about a minute for 3 Gb and memory that does not depend on the genome.
    """
    search = _Pass(windows, queries)
    with progress(sum(fasta.lengths.values()), "locate", "base") as bar:
        for contig, (name, length) in enumerate(fasta.lengths.items()):
            if length < windows.length:
                bar.update(length)
                continue
            for first, codes in read_blocks(fasta, name, _BLOCK, windows.length - 1):
                search.search(contig, first, codes)
                bar.update(min(_BLOCK, length - first))
    return search.found
