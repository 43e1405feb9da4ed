"""A table of 32-mers that says where each stands in a list."""

from collections.abc import Iterator

import numpy as np

# Odd, with bits spread evenly: the top bits of a product depend on all bits of the 32-mer.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FILTER_BITS = (10, 27)
_PAIRS_AT_ONCE = 1 << 21


class Index:
    """The places of 32-mers in a list, found by bisection behind a filter that stops most others.

    The filter has 16 or more bytes for each 32-mer up to 128 MB: nearly all of a genome is looked
    up in vain, and a byte is read in a hundredth of the time of a bisection.
    """

    def __init__(self, kmers: np.ndarray) -> None:
        order = np.argsort(kmers)
        self._kmers = kmers[order]
        self._places = order.astype(np.int32)
        low, high = _FILTER_BITS
        bits = min(max(low, (16 * kmers.size).bit_length()), high)
        self._shift = np.uint64(64 - bits)
        self._filter = np.zeros(1 << bits, dtype=bool)
        self._filter[self._hash(kmers)] = True

    def _hash(self, kmers: np.ndarray) -> np.ndarray:
        return ((kmers * _MULTIPLIER) >> self._shift).astype(np.intp)

    def find(self, kmers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield all pairs of a place in `kmers` and a place of the same 32-mer in the list.

        A pair of arrays at a time, of a few million at most unless one 32-mer has more places.
        """
        asked = np.flatnonzero(self._filter[self._hash(kmers)])
        wanted = kmers[asked]
        first = np.searchsorted(self._kmers, wanted)
        there = first < self._kmers.size
        there[there] = self._kmers[first[there]] == wanted[there]
        asked, first = asked[there], first[there]
        counts = np.searchsorted(self._kmers, wanted[there], side="right") - first
        ends = np.cumsum(counts)
        low = 0
        while low < asked.size:
            before = ends[low] - counts[low]
            high = max(low + 1, int(np.searchsorted(ends, before + _PAIRS_AT_ONCE, side="right")))
            some = slice(low, high)
            repeats = counts[some]
            skipped = np.repeat(ends[some] - repeats - before, repeats)
            rank = np.arange(skipped.size) - skipped
            yield (
                np.repeat(asked[some], repeats),
                self._places[np.repeat(first[some], repeats) + rank],
            )
            low = high
