"""Hold hits of known motifs against ChIP-exo sites of yeast, beside a scan without contributions.

    python -m bench.bound_hits EXPLAIN_JSON ANNOTATION

prints for each factor, in the explained regions: of its hits how many lie at its sites (precision),
of its sites how many are hit (recall); the same of all matches (p < 1e-4), and of the best by
score, as many as it takes for the recall of the hits. A hit is at a site where its middle lies
within 25 bases. Of several targets a place counts once, with its largest contribution.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bench.bound import FACTORS, NEAR

from seqcast.genome.meme import Motif, read_meme
from seqcast.motifs.arrays import Arrays, read_arrays
from seqcast.motifs.hits import Target, keep_best
from seqcast.motifs.scanning import Scanner, compute_background
from seqcast.settings.steps import MotifsSettings


@dataclass(frozen=True)
class Found:
    """How many places there are, of these those at sites, and of all sites those at a place."""

    places: int
    right: int
    sites: int
    seen: int

    def __str__(self) -> str:
        precision, recall = self.right / max(self.places, 1), self.seen / max(self.sites, 1)
        return (
            f"precision {precision:.2f} ({self.right} of {self.places}), recall {recall:.2f}"
            f" ({self.seen} of {self.sites})"
        )


def find_matches(every: list[Arrays], motif: Motif, p: float) -> pd.DataFrame:
    """Return all matches in all targets, each place once, by its score, the best first."""
    background = compute_background([arrays.read()[0] for arrays in every])
    scanner = Scanner.make(motif, background, p)
    table = pd.concat([Target(arrays, 1.0).find(scanner)[0] for arrays in every])
    table = table.sort_values("rank", kind="stable").drop_duplicates(["contig", "start", "strand"])
    arrays = (table[key].to_numpy() for key in ("contig", "start", "score"))
    table = table.iloc[keep_best(*arrays, len(scanner.scores))]
    return table.sort_values("score", ascending=False, kind="stable")


def count(places: pd.DataFrame, sites: pd.DataFrame) -> Found:
    """Hold places against sites."""
    right, seen = 0, 0
    for contig in {*places["contig"], *sites["contig"]}:
        here = places[places["contig"] == contig]
        middle = ((here["start"] + here["end"]) / 2).to_numpy()
        known = sites.loc[sites["contig"] == contig, "start"].to_numpy()
        is_near = np.abs(middle[:, None] - known) <= NEAR
        right, seen = right + is_near.any(axis=1).sum(), seen + is_near.any(axis=0).sum()
    return Found(len(places), int(right), len(sites), int(seen))


def match_recall(matches: pd.DataFrame, sites: pd.DataFrame, wanted: Found) -> Found:
    """Return what the fewest best matches reach whose recall is no less."""
    low, high = 0, len(matches)
    while low < high:
        middle = (low + high) // 2
        enough = count(matches[:middle], sites).seen >= wanted.seen
        low, high = (low, middle) if enough else (middle + 1, high)
    return count(matches[:low], sites)


def main() -> None:
    """Print a line for each factor."""
    explained, annotation = map(Path, sys.argv[1:])
    every, settings = read_arrays(explained), MotifsSettings()
    sites = pd.read_csv(
        annotation / "chipexo_sites.bed", sep="\t", names=["contig", "start", "end", "factor"]
    )
    covered = pd.DataFrame(
        {(place.contig, base) for each in every for place in each.places
         for base in range(place.start, place.end)},
        columns=["contig", "start"],
    )  # fmt: skip
    sites = sites.merge(covered, on=["contig", "start"])
    motifs = {motif.name: motif for motif in read_meme(annotation / "jaspar2026_fungi.meme")}
    for factor in FACTORS:
        own = sites[sites["factor"].str.upper() == factor]
        matches = find_matches(every, motifs[factor], settings.p)
        hits = count(matches[matches["rank"] <= settings.contribution], own)
        print(f"{factor}\thits: {hits}\tall matches: {count(matches, own)}")
        print(f"\tbest matches of that recall: {match_recall(matches, own, hits)}", flush=True)


if __name__ == "__main__":
    main()
