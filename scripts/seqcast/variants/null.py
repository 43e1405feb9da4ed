"""Shuffled variants: what a change does where nothing but its nearest bases means anything."""

from collections.abc import Iterator

import numpy as np

from seqcast.genome.codes import N, decode
from seqcast.genome.shuffle import shuffle_dinucleotides
from seqcast.variants.alleles import SCORED
from seqcast.variants.loci import ANY
from seqcast.variants.parts import Kind, Site
from seqcast.variants.sequence import GenomeSequence

SUBSTITUTIONS: Kind = "null.substitutions"
OTHERS: Kind = "null.others"
# Bases to each side that the share of G and C is of.
_GC_REACH = 500
# Insertions and deletions have 1 to so many bases; each length is half as frequent as the last.
_LONGEST = 20
_TRIES = 1000


def draw_null(
    sequence: GenomeSequence, kind: Kind, count: int, seed: int, folds: int
) -> Iterator[Site]:
    """Draw so many variants of a kind from the genome, evenly over its bases that are known.

    They hang on nothing but the genome and the seed. With folds each is scored by one of them.
    Yields fewer where a genome has hardly any known base.
    """
    names, lengths = list(sequence.lengths), np.array(list(sequence.lengths.values()))
    ends = np.cumsum(lengths)
    rng = np.random.default_rng([seed, kind == OTHERS])
    for number in range(count):
        for _ in range(_TRIES):
            base = int(rng.integers(ends[-1]))
            at = int(np.searchsorted(ends, base, side="right"))
            start = base - int(ends[at] - lengths[at])
            ref, alt = _draw_alleles(sequence, names[at], start, kind, rng)
            if ref != alt:
                break
        else:
            return
        gc, fold = compute_gc(sequence, names[at], start), number % folds if folds > 1 else ANY
        draws = 1 + seed * count + number
        yield Site(names[at], start, ref, alt, SCORED, "none", fold, gc, draws)


def _draw_alleles(
    sequence: GenomeSequence, contig: str, start: int, kind: Kind, rng: np.random.Generator
) -> tuple[str, str]:
    """Draw what a base becomes, or what is inserted or deleted there; twice "" where none is."""
    length = 1 if kind == SUBSTITUTIONS else min(int(rng.geometric(0.5)), _LONGEST)
    around = sequence.read(contig, start - 1, start + length + 1)
    if (around == N).any():
        return "", ""
    here = decode(around[1:-1])
    if kind == SUBSTITUTIONS:
        return here, "ACGT"[("ACGT".index(here) + int(rng.integers(1, 4))) % 4]
    if rng.integers(2):
        return here, ""
    return "", decode(rng.integers(0, 4, length).astype(np.uint8))


def compute_gc(sequence: GenomeSequence, contig: str, start: int) -> float:
    """Return the share of G and C among the known bases about a place; a half where none is."""
    codes = sequence.read(contig, start - _GC_REACH, start + _GC_REACH + 1)
    known = codes[codes < N]
    return float(((known == 1) | (known == 2)).mean()) if len(known) else 0.5


def shuffle_flanks(codes: np.ndarray, first: int, end: int, seed: int) -> np.ndarray:
    """Shuffle what lies to the left and to the right of an allele and its two neighbours.

    The allele is `codes[first:end]`; each side keeps its dinucleotides, its first and last base.
    """
    rng = np.random.default_rng(seed)
    left, right = codes[: first - 1], codes[end + 1 :]
    middle = codes[first - 1 : end + 1]
    return np.concatenate(
        [shuffle_dinucleotides(left, rng), middle, shuffle_dinucleotides(right, rng)]
    )
