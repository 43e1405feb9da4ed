"""Give patterns names, and make distinct motifs of those that are alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log
from seqcast.genome.meme import Motif, read_meme, to_consensus, write_meme
from seqcast.motifs.arrays import read_arrays
from seqcast.motifs.facts import read_discovered
from seqcast.motifs.patterns import (
    COLUMNS,
    NAMED,
    Pattern,
    read_patterns,
    write_matrices,
    write_table,
)
from seqcast.motifs.tools import Tools
from seqcast.variants.significance import find_q

# Of fewer targets tomtom's p values hang on which letters their columns happen to have.
_TARGETS = 50


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
    places = {each.slug: each.places for each in read_arrays(explained)}
    for each in read_discovered(discovered)[0]:
        slug = f"{each['target']}.{each['model']}"
        raw = discovered.parent / slug / "modisco.h5"
        patterns += read_patterns(raw, each["target"], each["model"], places[slug])
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
    write_matrices(output.with_name("patterns.h5"), [pattern for pattern, _ in turned])
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

    Patterns with the more seqlets come first: each joins the first motif whose match is its own, or
    whose first pattern it resembles, or else is a motif of its own. Patterns are turned to their
    motif's strand, a motif to that of its match.
    """
    own, theirs = [each.ppm for each in patterns], [each.probabilities for each in known]
    count = len(own)
    compared = tools.compare(own, extend([*own, *theirs]))
    p, is_reversed = compared["p"], compared["reverse"] > 0
    matches = {
        pattern.id: _find_match(known, row[count:], reverse[count:])
        for pattern, row, reverse in zip(
            patterns, p[:, : count + len(known)], is_reversed, strict=True
        )
        if known
    }
    is_alike = np.maximum(p[:, :count], p[:, :count].T) * count < NAMED
    distinct: list[Distinct] = []
    firsts: list[int] = []
    for at in sorted(range(count), key=lambda at: (-patterns[at].seqlets, patterns[at].id)):
        match = matches.get(patterns[at].id)
        match = match if match and match.q < NAMED else None
        joined = next(
            (
                number
                for number, each in enumerate(distinct)
                if is_alike[at, firsts[number]] or _is_same(match, each.match)
            ),
            None,
        )
        if joined is None:
            joined = len(distinct)
            distinct.append(Distinct(match=match))
            firsts.append(at)
        first, of = firsts[joined], distinct[joined]
        is_turned = (of.match is not None and of.match.is_reversed) ^ (
            at != first and is_reversed[at, first]
        )
        of.patterns.append(patterns[at].turn() if is_turned else patterns[at])
    order = sorted(distinct, key=lambda of: -sum(each.seqlets for each in of.patterns))
    return matches, order


def _is_same(one: Match | None, other: Match | None) -> bool:
    return one is not None and other is not None and one.motif.id == other.motif.id


def _find_match(known: Sequence[Motif], p: np.ndarray, is_reversed: np.ndarray) -> Match:
    best = int(p.argmin())
    q = find_q(p, np.ones(len(p)))[best]
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
