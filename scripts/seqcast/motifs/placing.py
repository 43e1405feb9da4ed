"""Where motifs are put, and with which letters: alone, and two at a distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from seqcast.genome.codes import N
from seqcast.genome.meme import Motif, compute_information, read_meme

# A position that tells less than so many bits keeps the base of the background.
_LEAST_BITS = 0.25
# Distances between two motifs' middles, in bases: these, their doubles, fours, eights ...
_DISTANCES = (20, 30)


def read_found(meme: Path) -> list[Motif]:
    """Read the motifs that were found, of which there may be none."""
    has_any = any(line.startswith(b"MOTIF") for line in meme.read_bytes().splitlines())
    return read_meme(meme) if has_any else []


def to_letters(motif: Motif) -> np.ndarray:
    """Return the most probable base of each position, (width,) codes; N where all are likely."""
    is_known = compute_information(motif.probabilities) >= _LEAST_BITS
    return np.where(is_known, motif.probabilities.argmax(1), N).astype(np.uint8)


def list_distances(window: int, bin_size: int, widest: int) -> list[int]:
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
