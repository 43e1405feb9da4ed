"""What motifs do: put into shuffled sequence, alone and two at a time.

An effect is the change of the natural logarithm of the coverage that is predicted within a radius
of the motif's middle, in training units: the mean of both strands' where a model predicts from
both, as `explain` has it. This is what BPNet (Avsec et al. 2021) calls in silico marginalisation.

Shapes: M motifs, T targets, D distances, P motifs of pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.meme import Motif
from seqcast.predict.predictor import KeptWindow, Predictor

# A position that tells less than so many bits keeps the base of the background.
_LEAST_BITS = 0.25
# Sequences that are computed in one go.
_GROUP = 32
# Distances between two motifs' middles, in bases: these, their doubles, fours, eights ...
_DISTANCES = (20, 30)


def find_letters(motif: Motif) -> np.ndarray:
    """Return the most probable base of each position, (width,) codes; N where all are likely."""
    p = motif.probabilities
    bits = 2 + (p * np.log2(np.where(p > 0, p, 1))).sum(1)
    return np.where(bits < _LEAST_BITS, N, p.argmax(1)).astype(np.uint8)


def find_distances(window: int, bin_size: int, widest: int) -> list[int]:
    """Return the distances at which motifs are put beside each other, as far as a window reaches.

    Ascending; they are of the motifs' middles, in bases, to either side.
    """
    farthest = window // 2 - bin_size - widest
    found, step = [], 1
    while _DISTANCES[0] * step <= farthest:
        found += [each * step for each in _DISTANCES if each * step <= farthest]
        step *= 2
    return found


@dataclass(frozen=True)
class Arrangement:
    """How the second motif stands to the first, which lies on the plus strand."""

    is_downstream: bool
    is_same_strand: bool

    @property
    def name(self) -> str:
        """What tables call it."""
        side = "downstream" if self.is_downstream else "upstream"
        return f"{side}, {'same' if self.is_same_strand else 'other'} strand"


ARRANGEMENTS = tuple(Arrangement(*each) for each in product((False, True), (True, False)))


@dataclass(frozen=True)
class PairEffects:
    """What pairs do within the radius of the first motif's middle, against none of the two.

    `first` (P, T) and `second` (P, D, T) are either alone, `together` (P, P, D, T) both, the first
    motif first; NaN where they would overlap.
    """

    first: np.ndarray
    second: np.ndarray
    together: np.ndarray


@dataclass(frozen=True)
class Ruler:
    """A predictor, and what is measured of it: the bins that `radius` bases touch."""

    predictor: Predictor
    radius: int

    def measure_alone(
        self, codes: np.ndarray, middle: int, letters: Sequence[np.ndarray]
    ) -> np.ndarray:
        """Return what each motif does to a background when its middle lies on a base, (M, T).

        It is put there on the plus strand and on the minus strand; the effect of the latter on a
        target counts as one on the target's strand pair. So for targets with a strand it says what
        a motif does to its own strand and to the other, and for others it is the mean of two.
        """
        kept, found = self.predictor.keep(codes), []
        for way in (list(letters), [reverse_complement(each) for each in letters]):
            start, changed = lay(way, codes, middle)
            found.append(self._measure(kept, start, changed, middle))
        forward_MT, reverse_MT = found
        pairs = list(self.predictor.targets.strand_pair)
        return (forward_MT + reverse_MT[:, pairs]) / 2

    def measure_pairs(
        self,
        codes: np.ndarray,
        middle: int,
        letters: Sequence[np.ndarray],
        distances: Sequence[int],
        arrangement: Arrangement,
    ) -> PairEffects:
        """Return what each motif does beside each, itself too, in one background."""
        kept, sign = self.predictor.keep(codes), 1 if arrangement.is_downstream else -1
        seconds = letters if arrangement.is_same_strand else [*map(reverse_complement, letters)]
        start, firsts = lay(letters, codes, middle)
        first_PT = self._measure(kept, start, firsts, middle)
        second_PDT = self._measure_seconds(kept, codes, middle, seconds, sign, distances)
        together = []
        for each, effect_T, own in zip(letters, first_PT, firsts, strict=True):
            whole = codes.copy()
            whole[start : start + len(own)] = own
            beside_PDT = self._measure_seconds(
                self.predictor.keep(whole), whole, middle, seconds, sign, distances
            )
            beside_PDT[find_overlaps(len(each), seconds, distances)] = np.nan
            together.append(beside_PDT + effect_T)
        return PairEffects(first_PT, second_PDT, np.stack(together))

    def _measure_seconds(
        self,
        kept: KeptWindow,
        codes: np.ndarray,
        middle: int,
        letters: Sequence[np.ndarray],
        sign: int,
        distances: Sequence[int],
    ) -> np.ndarray:
        found = []
        for distance in distances:
            start, changed = lay(letters, codes, middle + sign * distance)
            found.append(self._measure(kept, start, changed, middle))
        return np.stack(found, axis=1)

    def _measure(
        self, kept: KeptWindow, start: int, changed: np.ndarray, middle: int
    ) -> np.ndarray:
        """Return how much sequences differ from the window as it is, (sequences, T) float64."""
        bins, found = self._find_bins(len(kept.codes), middle), []
        own = kept.codes[None, start : start + changed.shape[1]]
        for at in range(0, len(changed), _GROUP):
            # The window as it is goes the same way: what changes nothing is exactly 0.
            some = np.concatenate([own, changed[at : at + _GROUP]])
            rates_KSNT = kept.predict_changed(start, some, bins).astype(np.float64)
            log_ST = np.log(rates_KSNT.sum(2)).mean(0)
            found.append(log_ST[1:] - log_ST[0])
        return np.concatenate(found)

    def _find_bins(self, length: int, middle: int) -> range:
        """Return the predicted bins that touch the bases up to the radius from a base."""
        size, crop = self.predictor.bin_size, self.predictor.crop
        last = length // size - 1 - 2 * crop
        low, high = ((middle + by) // size - crop for by in (-self.radius, self.radius))
        return range(max(low, 0), min(high, last) + 1)


def lay(letters: Sequence[np.ndarray], codes: np.ndarray, middle: int) -> tuple[int, np.ndarray]:
    """Put motifs into a sequence, each for itself, its middle on a base.

    Return where the stretch begins that they all lie in, and that stretch with each of them,
    (motifs, bases). N of a motif leaves the base as it is.
    """
    starts = [middle - len(each) // 2 for each in letters]
    start = min(starts)
    end = max(first + len(each) for first, each in zip(starts, letters, strict=True))
    changed = np.repeat(codes[None, start:end], len(letters), axis=0)
    for row, first, each in zip(changed, starts, letters, strict=True):
        here = row[first - start : first - start + len(each)]
        here[each < N] = each[each < N]
    return start, changed


def find_overlaps(
    first: int, seconds: Sequence[np.ndarray], distances: Sequence[int]
) -> np.ndarray:
    """Say which motifs at which distances overlap one of so many bases, (motifs, distances)."""
    widths = np.array([len(each) for each in seconds])
    return (first + widths[:, None] + 1) // 2 > np.array(distances)
