"""What motifs do: put into shuffled sequence, alone and two at a time.

An effect is the change of the natural logarithm of the coverage that is predicted within a radius
of the motif's middle, in training units: the mean of both strands' where a model predicts from
both, as `explain` has it. BPNet (Avsec et al. 2021) tried motifs in synthetic sequences like this,
alone and in pairs; others call it marginalisation.

Shapes: M motifs, T targets, D distances, P motifs of pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqcast.genome.codes import reverse_complement
from seqcast.motifs.placing import Arrangement, find_overlaps, lay
from seqcast.predict.predictor import KeptWindow, Predictor

# Sequences that are computed in one go.
_GROUP = 32


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
