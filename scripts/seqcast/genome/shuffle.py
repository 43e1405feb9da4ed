"""Shuffle DNA so that every pair of neighbouring bases stays as frequent as it was."""

import itertools

import numpy as np

from seqcast.genome.codes import N

_BASES = range(N)


def shuffle_dinucleotides(codes: np.ndarray, seed: int | np.random.Generator) -> np.ndarray:
    """Shuffle codes (length,) uint8 and keep the count of every dinucleotide.

    A sequence is a path that takes each of its steps, from base to base, once; the result is drawn
    evenly from all paths of the same steps (Altschul & Erickson 1985). N stays where it is. Each
    stretch between is shuffled by itself and keeps its first and last base, so that steps into and
    out of N are kept too. A stretch that allows no other order comes back as it was. The same seed
    gives the same result.
    """
    rng = np.random.default_rng(seed)
    shuffled = codes.copy()
    edges = np.diff((codes != N).astype(np.int8), prepend=0, append=0)
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        # With both ends kept, three bases or fewer have one order.
        if end - start > 3:
            shuffled[start:end] = _shuffle_stretch(codes[start:end], rng)
    return shuffled


def _shuffle_stretch(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Walk the steps of a stretch without N in a new order."""
    followers = [codes[1:][codes[:-1] == base] for base in _BASES]
    last_steps = _draw_last_steps(followers, int(codes[-1]), rng)
    queues = [
        iter(_order(each, last, rng)) for each, last in zip(followers, last_steps, strict=True)
    ]
    here = int(codes[0])
    path = bytearray([here])
    for _ in range(len(codes) - 1):
        here = next(queues[here])
        path.append(here)
    return np.frombuffer(path, dtype=np.uint8)


def _order(followers: np.ndarray, last: int | None, rng: np.random.Generator) -> list[int]:
    """Return in random order what follows a base, `last` at the end where it is given."""
    if last is None:
        return rng.permutation(followers).tolist()
    rest = np.delete(followers, np.flatnonzero(followers == last)[0])
    return [*rng.permutation(rest).tolist(), last]


def _draw_last_steps(
    followers: list[np.ndarray], end: int, rng: np.random.Generator
) -> list[int | None]:
    """Draw the step by which the path leaves each base for the last time.

    The path can take all steps if and only if the last ones lead from every base to the end. There
    are so few such trees that all are listed, each weighed by the number of ways to choose it.
    """
    counts = [np.bincount(each, minlength=N) for each in followers]
    choices: list[list[int | None]] = [
        [to for to in _BASES if to != base and counts[base][to]] if base != end else [None]
        for base in _BASES
    ]
    # A base that the stretch lacks has no step.
    choices = [each or [None] for each in choices]
    trees = [tree for tree in itertools.product(*choices) if _leads_to(end, tree)]
    weights = np.array(
        [
            np.prod(
                [counts[base][to] for base, to in enumerate(tree) if to is not None], dtype=float
            )
            for tree in trees
        ]
    )
    return list(trees[rng.choice(len(trees), p=weights / weights.sum())])


def _leads_to(end: int, tree: tuple[int | None, ...]) -> bool:
    """Say whether the steps lead from every base that has one to the end."""
    reached = {end}
    for _ in _BASES:
        reached |= {base for base, to in enumerate(tree) if to in reached}
    return all(base in reached for base, to in enumerate(tree) if to is not None)
