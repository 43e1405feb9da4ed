"""Find matches of motifs in sequences, with exact p values.

A score is the sum of log2 odds of the bases, in whole hundredths of a bit, so that the distribution
of all scores of random sequence is known exactly (Staden 1989): no bound, no sample. lightmotif
0.10 scans faster, but what makes its p values is GPL, and of coarser steps: of JASPAR's HSF1, whose
sites tie, it takes twice as many for 0.0001, half of them at 0.000127.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seqcast.genome.codes import N
from seqcast.genome.meme import Motif

# Scores are whole multiples of this, in bits.
STEP = 0.01
# Bases looked up at once: 5 ** 3 words fit a byte.
_WORD = 3
# What N scores: no match has one.
_NEVER = -1_000_000


@dataclass(frozen=True, eq=False)
class Matches:
    """Matches of one motif, (matches,) each: `row` and `start` in the sequences, whether `forward`.

    `score` is in bits, `p` the chance that a random place and strand scores as high.
    """

    row: np.ndarray
    start: np.ndarray
    forward: np.ndarray
    score: np.ndarray
    p: np.ndarray

    def take(self, at: np.ndarray) -> "Matches":
        """Return some of them."""
        return Matches(*(each[at] for each in vars(self).values()))


def compute_background(codes: Iterable[np.ndarray]) -> np.ndarray:
    """Return the shares of A, C, G, T in sequences, of both strands together, (4,)."""
    counts = sum(np.bincount(each.ravel(), minlength=5)[:4] for each in codes) + 1.0
    both = counts + counts[::-1]
    return both / both.sum()


@dataclass(frozen=True, eq=False)
class Scanner:
    """A motif that can be looked for: `scores` (width, 4) int64 in steps, and their tail.

    `tail[score - lowest]` is the chance of a score at least as high; `threshold` is the lowest
    score whose chance is at most the `p` asked for, the highest of all where the motif `is_short`:
    too short for any to be so improbable.
    """

    motif: Motif
    scores: np.ndarray
    lowest: int
    tail: np.ndarray
    threshold: int
    is_short: bool

    @classmethod
    def make(cls, motif: Motif, background: np.ndarray, p: float) -> "Scanner":
        """Make one for random sequence of a background, (4,).

        Probabilities are those of the motif's sites and of one more that is random, so that no
        base is impossible.
        """
        mixed = (motif.probabilities * motif.sites + background) / (motif.sites + 1)
        scores = np.rint(np.log2(mixed / background) / STEP).astype(np.int64)
        lowest, tail = compute_tail(scores, background)
        highest = int(scores.max(axis=1).sum())
        first = int(np.argmax(tail <= p)) + lowest
        return cls(motif, scores, lowest, tail, min(first, highest), first > highest)

    def chance(self) -> float:
        """Return the chance that a random place of one strand is a match."""
        return float(self.tail[self.threshold - self.lowest])

    def scan(self, words: "Words") -> Matches:
        """Return all matches on both strands, by row, start and strand."""
        found = []
        for scores, is_forward in ((self.scores, True), (self.scores[::-1, ::-1], False)):
            total = words.sum(scores)
            row, start = np.nonzero(total >= self.threshold)
            score = total[row, start]
            forward = np.full(len(row), is_forward)
            p = self.tail[score - self.lowest]
            found.append(Matches(row, start, forward, score * STEP, p))
        every = Matches(*map(np.concatenate, zip(*(vars(m).values() for m in found), strict=True)))
        return every.take(np.lexsort((~every.forward, every.start, every.row)))


def compute_tail(scores: np.ndarray, background: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the lowest score and the chance of each score from it on to be reached.

    One entry more, of chance 0, is past the highest.
    """
    chances = np.ones(1)
    for row in scores - scores.min(axis=1, keepdims=True):
        longer = np.zeros(len(chances) + int(row.max()))
        for step, share in zip(row.tolist(), background.tolist(), strict=True):
            longer[step : step + len(chances)] += share * chances
        chances = longer
    tail = np.cumsum(chances[::-1])[::-1]
    return int(scores.min(axis=1).sum()), np.append(np.minimum(tail, 1), 0.0)


class Words:
    """Sequences (rows, length) as words of three bases, which are scored by a look-up each."""

    def __init__(self, codes: np.ndarray) -> None:
        self.rows, self.length = codes.shape
        padded = np.pad(codes, [(0, 0), (0, _WORD - 1)], constant_values=N)
        self._words = sum(
            padded[:, offset : offset + self.length] * np.uint8(5**offset)
            for offset in range(_WORD)
        )

    def sum(self, scores: np.ndarray) -> np.ndarray:
        """Return the score of each start, (rows, length - width + 1) int32, very low with N."""
        width = len(scores)
        starts = max(self.length - width + 1, 0)
        total = np.zeros((self.rows, starts), dtype=np.int32)
        for first in range(0, width, _WORD):
            table = np.zeros(5**_WORD, dtype=np.int32)
            for offset, row in enumerate(scores[first : first + _WORD]):
                letters = np.arange(5**_WORD) // 5**offset % 5
                table += np.append(row, _NEVER).astype(np.int32)[letters]
            total += table[self._words[:, first : first + starts]]
        return total
