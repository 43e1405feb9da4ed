"""Give patterns names, and make distinct motifs of those that are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from seqcast.core.console import log
from seqcast.core.seal import write_table
from seqcast.genome.meme import Motif, read_meme, to_consensus, write_meme
from seqcast.motifs.arrays import read_arrays
from seqcast.motifs.facts import read_discovered
from seqcast.motifs.patterns import (
    COLUMNS,
    MATRICES,
    NAMED,
    Pattern,
    read_patterns,
    write_matrices,
)
from seqcast.motifs.tools import Tools

# Of fewer targets tomtom's p values hang on which letters their columns happen to have.
_TARGETS = 50
# How alike motifs are that are one; see `compare`.
_ALIKE = 0.8
# Of a pattern that is no motif.
_NONE = Motif("", "", np.empty((0, 4)))


@dataclass(frozen=True)
class Match:
    """The database's motif that is most similar to a pattern; `is_reversed`: on its other strand.

    `q` is the false discovery rate among all motifs of the database (Benjamini & Hochberg 1995).
    """

    motif: Motif
    p: float
    q: float
    is_reversed: bool


@dataclass(frozen=True)
class Distinct:
    """A motif and the patterns that were merged to it, the one with most seqlets first."""

    patterns: list[Pattern] = field(default_factory=list)
    match: Match | None = None

    @property
    def seqlets(self) -> int:
        """How many seqlets all its patterns have."""
        return sum(each.seqlets for each in self.patterns)

    def to_motif(self, number: int) -> Motif:
        """Return it as a motif: its first pattern's shares, by the name of its match."""
        first = self.patterns[0]
        name = self.match.motif.name if self.match else to_consensus(first.ppm)
        return Motif(f"M{number}", name, first.ppm, first.seqlets)


def name_all(
    explained: Path, discovered: Path, database: Path | None, tools: Tools, output: Path
) -> None:
    """Name and merge the patterns of all targets, and write tables beside `output`.

    Those are `patterns.tsv`, `patterns.h5`; motifs go to `parts/motifs.meme`.
    """
    patterns = []
    regions = {each.slug: each.regions for each in read_arrays(explained)}
    for each in read_discovered(discovered)[0]:
        slug = f"{each['target']}.{each['model']}"
        raw = discovered.parent / slug / "modisco.h5"
        patterns += read_patterns(raw, each["target"], each["model"], regions[slug])
    known = read_meme(database) if database else []
    enough = [pattern for pattern in patterns if pattern.is_motif]
    matches, distinct = merge(enough, known, tools) if enough else ({}, [])
    motifs = [each.to_motif(number) for number, each in enumerate(distinct, start=1)]
    of = {
        pattern.id: (pattern, motif)
        for each, motif in zip(distinct, motifs, strict=True)
        for pattern in each.patterns
    }
    turned = [of.get(each.id, (each, _NONE)) for each in patterns]
    write_matrices(output.with_name(MATRICES), [pattern for pattern, _ in turned])
    write_meme(discovered.parent / "motifs.meme", motifs)
    write_table(
        output,
        COLUMNS,
        [_make_row(pattern, motif, matches.get(pattern.id)) for pattern, motif in turned],
    )
    named = sum(each.match is not None for each in distinct)
    log.info("%d patterns are %d motifs, %d with names", len(patterns), len(motifs), named)


def merge(
    patterns: Sequence[Pattern], known: Sequence[Motif], tools: Tools
) -> tuple[dict[str, Match], list[Distinct]]:
    """Find the best match of each pattern, by its id, and distinct motifs of the patterns.

    Those with the same match are one motif, and read as it does. Then each, those with a match and
    with more seqlets first, takes up all whose first pattern is alike, turned to its strand.
    """
    matches = find_matches(patterns, known, tools)
    groups: dict[tuple[bool, str], Distinct] = {}
    for pattern in sorted(patterns, key=lambda each: (-each.seqlets, each.id)):
        match = matches.get(pattern.id)
        match = match if match and match.q < NAMED else None
        key = (True, match.motif.id) if match else (False, pattern.id)
        turned = pattern.turn() if match and match.is_reversed else pattern
        groups.setdefault(key, Distinct(match=match)).patterns.append(turned)
    # Named ones first, so that none loses its name.
    ordered = sorted(groups.values(), key=lambda of: (of.match is None, -of.seqlets))
    distinct: list[Distinct] = []
    for of in ordered:
        own = of.patterns[0].ppm
        alike = (compare(own, other.patterns[0].ppm) for other in distinct)
        found = next(((at, each) for at, each in enumerate(alike) if each[0] >= _ALIKE), None)
        if found is None:
            distinct.append(of)
            continue
        at, (_, is_reversed) = found
        turned = [each.turn() if is_reversed else each for each in of.patterns]
        distinct[at].patterns.extend(turned)
    return matches, sorted(distinct, key=lambda of: -of.seqlets)


def compare(one: np.ndarray, other: np.ndarray) -> tuple[float, bool]:
    """Return how alike two motifs (width, 4) are, and whether that is on the other strand.

    It is the cosine of their shares less a quarter, where they are aligned best; a base that one
    of them lacks counts as a quarter. Tomtom's p would not do: it is small for motifs that share
    half of their bases, such as those of YY1 and CTCF.
    """
    one, other = one - 0.25, other - 0.25
    size = np.linalg.norm(one) * np.linalg.norm(other)
    ahead, back = (
        sum(np.correlate(one[:, base], each[:, base], "full") for base in range(4)).max() / size
        for each in (other, other[::-1, ::-1])
    )
    return float(max(ahead, back)), bool(back > ahead)


def find_matches(
    patterns: Sequence[Pattern], known: Sequence[Motif], tools: Tools
) -> dict[str, Match]:
    """Find the known motif that is most similar to each pattern, by its id."""
    if not known:
        return {}
    targets = extend([motif.probabilities for motif in known])
    compared = tools.compare([pattern.ppm for pattern in patterns], targets)
    rows = zip(patterns, compared["p"], compared["reverse"] > 0, strict=True)
    return {
        pattern.id: _find_match(known, p[: len(known)], reverse) for pattern, p, reverse in rows
    }


def _find_match(known: Sequence[Motif], p: np.ndarray, is_reversed: np.ndarray) -> Match:
    best = int(p.argmin())
    # Rounding may leave a p value just above 1.
    q = false_discovery_control(np.clip(p, 0, 1))[best]
    return Match(known[best], float(p[best]), float(q), bool(is_reversed[best]))


def extend(targets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return targets, and where they are few, behind them the same with other letters.

    Tomtom's p values are of columns drawn from those of the targets. Of few motifs some letters may
    be rare by chance; with all letters exchanged for each other they are equally frequent.
    """
    found = list(targets)
    for letters in list(permutations(range(4)))[1:]:
        if len(found) >= _TARGETS:
            break
        found += [each[:, letters] for each in targets]
    return found


def _make_row(pattern: Pattern, motif: Motif, match: Match | None) -> dict[str, Any]:
    low, median, high = np.quantile(pattern.offsets, [0.25, 0.5, 0.75])
    return {
        "id": pattern.id,
        "target": pattern.target,
        "model": pattern.model,
        "sign": pattern.sign,
        "motif": motif.id,
        "name": motif.name,
        "seqlets": pattern.seqlets,
        "regions": pattern.regions,
        "contribution": f"{pattern.contribution:.6g}",
        "offset_q25": f"{low:g}",
        "offset_median": f"{median:g}",
        "offset_q75": f"{high:g}",
        "match": match.motif.id if match else "",
        "match_name": match.motif.name if match else "",
        "p": f"{match.p:.3g}" if match else "",
        "q": f"{match.q:.3g}" if match else "",
        "width": len(pattern.ppm),
        "consensus": to_consensus(pattern.ppm),
    }
