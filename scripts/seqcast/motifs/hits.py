"""Find where motifs stand that matter: matches whose bases contribute to what is predicted."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.core.console import log, progress
from seqcast.core.errors import list_some
from seqcast.core.provenance import sha256_of
from seqcast.core.seal import AGAIN, read_table, write_json, write_sealed
from seqcast.genome.codes import N
from seqcast.genome.meme import Motif, read_meme, to_consensus, write_meme
from seqcast.motifs.arrays import Arrays, read_arrays
from seqcast.motifs.facts import read_discovered
from seqcast.motifs.patterns import MATRICES, NAMED, TABLE
from seqcast.motifs.scanning import Scanner, Words, compute_background
from seqcast.settings.steps import MotifsSettings

FORMAT, FORMAT_VERSION = "seqcast-motifs", 1
COLUMNS = (
    "contig", "start", "end", "strand", "motif", "name", "target", "model", "score", "p",
    "contribution", "rank", "offset", "region", "split",
)  # fmt: skip
_ORDER = ["contig", "start", "end", "motif", "strand", "target", "model"]
COUNTS = (
    "motif", "name", "target", "model", "matches", "hits", "chance", "contribution",
)  # fmt: skip
# Of a larger database most motifs are of factors that are not there.
_SMALL = 50
# So many stretches alike make a pattern of TF-MoDISco.
_ALIKE = 20


@dataclass(frozen=True)
class Discovered:
    """What TF-MoDISco found: the list of its targets, the table of patterns, what named them."""

    parts: Path
    patterns: Path
    database: Path | None


def write_hits(
    explained: Path,
    meme: Path,
    settings: MotifsSettings,
    output: Path,
    discovered: Discovered | None = None,
) -> None:
    """Find the hits of all motifs in all targets, and write files beside `output`, the last.

    `meme` has the motifs that were discovered, or else is the database.
    """
    is_any = not discovered or any(row["motif"] for row in read_table(discovered.patterns, AGAIN))
    motifs, every = read_meme(meme) if is_any else [], read_arrays(explained)
    background = compute_background(arrays.read()[0] for arrays in every)
    missed = _find_missed(discovered) if discovered else []
    # Stretches of one width are compared together.
    scanners, others = (
        sorted(
            (Scanner.make(motif, background, settings.p) for motif in each),
            key=lambda scanner: len(scanner.scores),
        )
        for each in (motifs, missed)
    )
    _warn_of_short(scanners, settings.p)
    found, counts, unseen = [], [], []
    with progress(len(every), "hits", "targets") as bar:
        for arrays in every:
            target = Target(arrays, settings.contribution)
            for scanner in scanners:
                hits, count = target.find(scanner)
                counts.append(count)
                if len(hits):
                    found.append(hits)
            unseen += [target.find(scanner)[1] for scanner in others]
            bar.update(1)
    table = pd.concat(found) if found else pd.DataFrame(columns=list(COLUMNS))
    table, count = table.sort_values(_ORDER), pd.DataFrame(counts, columns=COUNTS)
    if not discovered:
        with_hits = set(table["motif"])
        motifs = [motif for motif in motifs if motif.id in with_hits]
        for name in (TABLE, MATRICES):
            # Of an earlier run.
            output.with_name(name).unlink(missing_ok=True)
    _write(output, motifs, table, count[count["matches"] > 0])
    facts = {
        **settings.model_dump(mode="json", include={"discover", "database", "p", "contribution"}),
        "background": background.round(6).tolist(),
        "models": list(dict.fromkeys(arrays.model for arrays in every)),
        **_tell_targets(every, discovered),
        "motifs": _tell_motifs(motifs, table, count, discovered),
        "short": [each.motif.id for each in scanners if each.is_short],
        "missed": _tell_missed(missed, pd.DataFrame(unseen, columns=COUNTS)),
    }
    _finish(output, facts)
    places = table.drop_duplicates(_ORDER[:5])
    log.info(
        "%s hits at %s places of %d motifs", f"{len(table):,}", f"{len(places):,}", len(motifs)
    )
    for each in facts["missed"]:
        log.info("not found: %s: %s", each["name"], each["why"])


class Target:
    """The regions of a target of a model, in which motifs are looked for.

    A match is a hit where the absolute sum of its bases' contributions is among the `share` of the
    largest of all stretches as long.
    """

    def __init__(self, arrays: Arrays, share: float) -> None:
        self._arrays, self._share = arrays, share
        codes, contributions = arrays.read()
        self._words, self._regions = Words(codes), arrays.regions
        self._sums = _add_up(contributions)
        self._unknown = _add_up(codes == N)
        self._known_width, self._known = 0, np.empty(0)

    def find(self, scanner: Scanner) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Return the hits of a motif, with the columns of `hits.tsv`, and how many there are."""
        width, regions = len(scanner.scores), self._regions
        matches = scanner.scan(self._words)
        starts = np.array([region.start for region in regions])[matches.row] + matches.start
        contigs = np.array([region.contig for region in regions])[matches.row]
        summits = np.array([region.summit for region in regions])[matches.row]
        offset = starts + width / 2 - summits
        # Where regions overlap, a match is of the one whose summit is nearer.
        order = np.lexsort((matches.row, np.abs(offset)))
        at = order[~_is_repeated(contigs[order], starts[order], matches.forward[order])]
        contribution = self._sum(width)[matches.row[at], matches.start[at]]
        rank = self.compute_rank(width, contribution)
        is_hit = rank <= self._share
        chance = 2 * scanner.chance() * len(self._sorted(width)) * self._share
        at, contribution, rank = at[is_hit], contribution[is_hit], rank[is_hit]
        best = keep_best(contigs[at], starts[at], matches.score[at], width)
        at, contribution, rank = at[best], contribution[best], rank[best]
        motif, arrays = scanner.motif, self._arrays
        said = {"motif": motif.id, "name": motif.name}
        said |= {"target": arrays.target, "model": arrays.model}
        hits = pd.DataFrame(
            {
                "contig": contigs[at],
                "start": starts[at],
                "end": starts[at] + width,
                "strand": np.where(matches.forward[at], "+", "-"),
                **said,
                "score": matches.score[at],
                "p": matches.p[at],
                "contribution": contribution,
                "rank": rank,
                "offset": offset[at],
                "region": [regions[row].name for row in matches.row[at].tolist()],
                "split": [regions[row].split for row in matches.row[at].tolist()],
            },
            columns=COLUMNS,
        )
        mean = float(contribution.mean()) if len(at) else float("nan")
        return hits, {
            **said, "matches": len(is_hit), "hits": len(at), "chance": chance, "contribution": mean,
        }  # fmt: skip

    def compute_rank(self, width: int, sums: np.ndarray) -> np.ndarray:
        """Return the share of all stretches so wide whose sum is as far from 0."""
        every = self._sorted(width)
        return 1 - np.searchsorted(every, np.abs(sums)) / max(len(every), 1)

    def _sum(self, width: int) -> np.ndarray:
        """Return the sums of all stretches so wide, (regions, starts)."""
        return self._sums[:, width:] - self._sums[:, :-width]

    def _sorted(self, width: int) -> np.ndarray:
        """Return the sizes of the sums of all stretches so wide without N, sorted."""
        if width != self._known_width:
            is_known = self._unknown[:, width:] == self._unknown[:, :-width]
            self._known = np.sort(np.abs(self._sum(width)[is_known]))
            self._known_width = width
        return self._known


def _add_up(values: np.ndarray) -> np.ndarray:
    """Return the sums of all bases before each, (regions, width + 1) float64."""
    return np.pad(np.cumsum(values, axis=1, dtype=float), [(0, 0), (1, 0)])


def _is_repeated(*keys: np.ndarray) -> np.ndarray:
    return pd.DataFrame(dict(enumerate(keys))).duplicated().to_numpy()


def keep_best(contigs: np.ndarray, starts: np.ndarray, score: np.ndarray, width: int) -> np.ndarray:
    """Return which matches of a motif are the best of those that share more than half their bases.

    Palindromes match on both strands. Of equal scores the first is the best.
    """
    kept: dict[str, list[int]] = {}
    found = []
    for at in np.lexsort((starts, -score)).tolist():
        others, start = kept.setdefault(contigs[at], []), int(starts[at])
        place = bisect(others, start)
        if all(2 * abs(start - other) >= width for other in others[max(place - 1, 0) : place + 1]):
            others.insert(place, start)
            found.append(at)
    return np.array(sorted(found), dtype=np.int64)


def _warn_of_short(scanners: Sequence[Scanner], p: float) -> None:
    if short := [each.motif.name for each in scanners if each.is_short]:
        log.warning(
            "%d motifs are too short for p %g, of which perfect matches are taken: %s",
            *(len(short), p, list_some(short)),
        )


def _find_missed(discovered: Discovered) -> list[Motif]:
    """Return the motifs of a small database that no pattern matches."""
    known = read_meme(discovered.database) if discovered.database else []
    rows = read_table(discovered.patterns, AGAIN)
    seen = {row["match"] for row in rows if row["q"] and float(row["q"]) < NAMED}
    return [motif for motif in known if motif.id not in seen] if len(known) <= _SMALL else []


def _tell_missed(missed: Sequence[Motif], count: pd.DataFrame) -> list[dict[str, Any]]:
    """Say of each motif how many matches and hits it has, of the target with the most."""
    found = []
    for motif in missed:
        most = count.loc[count["motif"] == motif.id, ["matches", "hits"]].max()
        where = f"it has {most['hits']} hits in a target at most"
        why = (
            f"{where}, and TF-MoDISco wants {_ALIKE} stretches that are alike: explain more regions"
            if most["hits"] < _ALIKE
            else f"{where}, which TF-MoDISco took for parts of others, or did not find alike"
        )
        said = {"id": motif.id, "name": motif.name, "matches": int(most["matches"]), "why": why}
        found.append(said)
    return found


def _tell_targets(every: Sequence[Arrays], discovered: Discovered | None) -> dict[str, Any]:
    if discovered:
        targets, versions = read_discovered(discovered.parts)
        return {"targets": targets, "versions": versions}
    return {
        "targets": [
            {
                "target": arrays.target, "name": arrays.name, "model": arrays.model,
                "regions": len(arrays.regions),
            }
            for arrays in every
        ],
        "versions": {},
    }  # fmt: skip


def _tell_motifs(
    motifs: Sequence[Motif], table: pd.DataFrame, count: pd.DataFrame, discovered: Discovered | None
) -> list[dict[str, Any]]:
    rows = read_table(discovered.patterns, AGAIN) if discovered else []
    hits = table["motif"].value_counts()
    places = table.drop_duplicates(_ORDER[:5])["motif"].value_counts()
    chance = count.groupby("motif")["chance"].sum()
    return [
        {
            "id": motif.id,
            "name": motif.name,
            "width": len(motif.probabilities),
            "consensus": to_consensus(motif.probabilities),
            "patterns": [row["id"] for row in rows if row["motif"] == motif.id],
            "hits": int(hits.get(motif.id, 0)),
            "places": int(places.get(motif.id, 0)),
            "chance": round(float(chance[motif.id]), 2),
        }
        for motif in motifs
    ]


def _write(output: Path, motifs: Sequence[Motif], table: pd.DataFrame, count: pd.DataFrame) -> None:
    digits = {"score": "{:.2f}", "p": "{:.3g}", "contribution": "{:.4g}", "rank": "{:.3g}"}
    digits |= {"offset": "{:g}", "chance": "{:.3g}"}
    for name, columns, rows in (("hits.tsv", COLUMNS, table), ("counts.tsv", COUNTS, count)):
        shown = rows.copy()
        for column in digits.keys() & set(columns):
            shown[column] = [_format(digits[column], value) for value in rows[column]]
        text = shown.to_csv(sep="\t", index=False, columns=columns, lineterminator="\n")
        write_sealed(output.with_name(name), text)
    write_meme(output.with_name("motifs.meme"), motifs)
    places = table.sort_values([*_ORDER[:5], "p"]).drop_duplicates(_ORDER[:5])
    strength = np.minimum(-100 * np.log10(places["p"]), 1000).round().astype(int)
    keys = ("contig", "start", "end", "name", "strength", "strand")
    lines = zip(*(places.assign(strength=strength)[key] for key in keys), strict=True)
    write_sealed(
        output.with_name("hits.bed"), "".join("\t".join(map(str, row)) + "\n" for row in lines)
    )


def _format(digits: str, value: float) -> str:
    return "" if np.isnan(value) else digits.format(value)


def _finish(output: Path, facts: Mapping[str, Any]) -> None:
    """Write what is known of all, and list the files."""
    names = ["motifs.meme", TABLE, MATRICES, "hits.tsv", "hits.bed", "counts.tsv"]
    paths = [output.with_name(name) for name in names]
    files = [{"file": each.name, "sha256": sha256_of(each)} for each in paths if each.is_file()]
    write_json(output, (FORMAT, FORMAT_VERSION), {**facts, "files": files})
