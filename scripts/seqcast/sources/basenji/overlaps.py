"""Windows that hold the same DNA: identical, shifted, or read from the other strand.

Of each window's 32-mers a fixed fraction is kept, chosen by a hash of the k-mer or its reverse
complement, whichever is smaller, so that the same DNA yields the same k-mers in any window and on
either strand. K-mers with N, of a short period, or found more than 32 times are left out. Two
windows overlap when their shared k-mers lie on one diagonal and are at least 90 % of all
kept k-mers in the stretch that both windows would have in common there (at least 8 k-mers and 512
bases). A repeat does not pass: its copies end before a window does.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.kmers import K, mark_known, pack_kmers

_MOST_COPIES = 32
_LEAST_KMERS = 8
_LEAST_BASES = 512
_LEAST_SHARE = 0.9
_KMERS_IN_MEMORY = 1 << 24
# Odd, with bits spread evenly: the top bits of a product depend on all bits of the k-mer.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Overlap:
    """Two windows with DNA in common: `kind` is same or partial, `strand` same or other."""

    first: int
    second: int
    kind: str
    strand: str
    bases: int


@dataclass
class Sketches:
    """Sampled k-mers of windows, added one window after the other.

    `group` of a window is its split: only windows of different groups are compared for overlaps.
    """

    bases: int
    group: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    digest: list[bytes] = field(default_factory=list)
    strand: list[bool] = field(default_factory=list)
    _kmers: list[np.ndarray] = field(default_factory=list)
    _places: list[np.ndarray] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Of how many k-mers one is kept: a power of two, 8 or more."""
        return max(8, 1 << (self.bases // _KMERS_IN_MEMORY).bit_length())

    def add(self, group: int, codes: np.ndarray) -> None:
        """Add a window's codes, (length,) uint8 with 0..3 = ACGT and 4 = N."""
        other = reverse_complement(codes)
        kmers, places = sample_kmers(codes, other, self.step)
        digests = [hashlib.blake2b(x.tobytes(), digest_size=16).digest() for x in (codes, other)]
        self.group.append(group)
        self.length.append(codes.size)
        # Nothing is known of a window of N alone, so it resembles no other.
        self.digest.append(min(digests) if (codes != N).any() else b"")
        self.strand.append(digests[0] <= digests[1])
        self._kmers.append(kmers)
        self._places.append(places)

    def find_identical(self) -> list[Overlap]:
        """Return windows that are the same as an earlier one, each with the first of its kind.

        Where the kind is in several groups, a window is also paired with the first of each.
        """
        firsts: dict[bytes, dict[int, int]] = {}
        found = []
        for window, digest in enumerate(self.digest):
            if not digest:
                continue
            known = firsts.setdefault(digest, {})
            for first in known.values():
                strand = "same" if self.strand[first] == self.strand[window] else "other"
                found.append(Overlap(first, window, "same", strand, self.length[window]))
            known.setdefault(self.group[window], window)
        return found

    def find_partial(self) -> list[Overlap]:
        """Return pairs of windows of different groups that overlap without being identical."""
        kmers = np.concatenate([np.empty(0, np.uint64), *self._kmers])
        places = np.concatenate([np.empty(0, np.int32), *self._places])
        if not kmers.size:
            return []
        sizes = [chunk.size for chunk in self._kmers]
        windows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        groups = np.asarray(self.group, dtype=np.int8)[windows]
        kept, shared = _find_shared(kmers, groups)
        pairs = _find_diagonals(kmers, windows, places, groups, shared)
        return list(self._check_diagonals(pairs, kept, np.cumsum([0, *sizes]), places >> 1))

    def _check_diagonals(
        self, pairs: pd.DataFrame, kept: np.ndarray, offsets: np.ndarray, positions: np.ndarray
    ) -> Iterator[Overlap]:
        """Yield the diagonals whose k-mers are nearly all that the stretch in common holds."""
        seen = set()
        for a, b, other, diagonal, votes in pairs.itertuples(index=False):
            low, high = _stretch(diagonal, bool(other), self.length[a], self.length[b])
            is_same = self.digest[a] == self.digest[b] != b""
            if high - low < _LEAST_BASES or (a, b) in seen or is_same:
                continue
            mine = slice(int(offsets[a]), int(offsets[a + 1]))
            inside = (positions[mine] >= low) & (positions[mine] <= high - K)
            if votes >= _LEAST_SHARE * np.count_nonzero(inside & kept[mine]):
                seen.add((a, b))
                yield Overlap(a, b, "partial", "other" if other else "same", high - low)


def sample_kmers(codes: np.ndarray, other: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return canonical 32-mers, one in `step`, and their places: 2 x position + strand.

    `codes` is (length,) uint8, `other` its reverse complement; the k-mers are uint64, the places
    int32, both in order of position.
    """
    forward = pack_kmers(codes)
    backward = pack_kmers(other)[::-1]
    canonical = np.minimum(forward, backward)
    # The highest bits of the hash are nothing: one in `step` is so.
    is_chosen = canonical * _MULTIPLIER < np.uint64((1 << 64) // step)
    # A k-mer that is its own reverse complement has no strand.
    chosen = np.flatnonzero(is_chosen & mark_known(codes) & (forward != backward))
    chosen = chosen[_is_complex(canonical[chosen])]
    kmers = canonical[chosen]
    places = 2 * chosen + (forward[chosen] != kmers)
    return kmers, places.astype(np.int32)


def _is_complex(kmers: np.ndarray) -> np.ndarray:
    """Say which k-mers are not one unit of up to six bases over and over."""
    plain = np.ones(kmers.size, dtype=bool)
    for period in range(1, 7):
        mask = np.uint64((1 << (64 - 2 * period)) - 1)
        plain &= ((kmers ^ (kmers >> np.uint64(2 * period))) & mask) != 0
    return plain


def _find_shared(kmers: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which k-mers are not too frequent to tell anything, (kmers,) bool.

    Of those also return the places that several groups have in common, ranked by k-mer.
    """
    order = np.argsort(kmers, kind="stable")
    ranked = kmers[order]
    is_first = np.ones(kmers.size, dtype=bool)
    is_first[1:] = ranked[1:] != ranked[:-1]
    first = np.flatnonzero(is_first)
    copies = np.diff(np.append(first, kmers.size))
    of_group = groups[order]
    is_mixed = np.minimum.reduceat(of_group, first) != np.maximum.reduceat(of_group, first)
    is_rare = copies <= _MOST_COPIES
    kept = np.empty(kmers.size, dtype=bool)
    kept[order] = np.repeat(is_rare, copies)
    return kept, order[np.repeat(is_rare & is_mixed, copies)]


def _find_diagonals(
    kmers: np.ndarray,
    windows: np.ndarray,
    places: np.ndarray,
    groups: np.ndarray,
    order: np.ndarray,
) -> pd.DataFrame:
    """Return rows (window, window, other strand, diagonal, shared k-mers), most k-mers first.

    `order` ranks the places to look at by k-mer; only windows of different groups count.
    """
    found = [np.empty((0, 4), dtype=np.int64)]
    for shift in range(1, min(_MOST_COPIES, order.size)):
        left, right = order[:-shift], order[shift:]
        is_pair = (kmers[left] == kmers[right]) & (groups[left] != groups[right])
        left, right = left[is_pair], right[is_pair]
        other = (places[left] ^ places[right]) & 1
        x, y = places[left] >> 1, places[right] >> 1
        diagonal = np.where(other, x + y, x - y)
        found.append(np.stack([windows[left], windows[right], other, diagonal], axis=1))
    columns = ["first", "second", "other", "diagonal"]
    votes = pd.DataFrame(np.concatenate(found), columns=columns).groupby(columns).size()
    votes = votes[votes >= _LEAST_KMERS].sort_values(ascending=False, kind="stable")
    return votes.reset_index(name="votes")


def _stretch(diagonal: int, other: bool, length_a: int, length_b: int) -> tuple[int, int]:
    """Return the bases of the first window that the second has too, as start and end."""
    if other:  # position x of the first is position diagonal - x + K - 1 of the second
        return max(0, diagonal + K - length_b), min(length_a, diagonal + K)
    return max(0, diagonal), min(length_a, length_b + diagonal)
