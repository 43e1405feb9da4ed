"""Hold hits of motifs against the planted sites of simulated data.

    python -m bench.motif_truth RUN [FOLDER]

prints for each factor, of the targets that it drives: how many of its hits lie at its sites, and
how many of its sites within the radius of a summit are hit. A hit is at a site where it covers half
of it. FOLDER is that of `motifs`, within the run. What is called like no factor is none's.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bench.accuracy import DRIVERS

from seqcast.motifs.arrays import Arrays, read_arrays
from seqcast.sources.simulated.tracks import MOTIFS

RADIUS = 250
SITES = ["contig", "start", "end", "motif", "score", "strand"]


@dataclass(frozen=True)
class Found:
    """Of one factor: hits, those at its sites, sites that drive, and those that are hit."""

    hits: int
    right: int
    sites: int
    seen: int

    @property
    def precision(self) -> float:
        """The share of hits at sites."""
        return self.right / max(self.hits, 1)

    @property
    def recall(self) -> float:
        """The share of sites that are hit."""
        return self.seen / max(self.sites, 1)


def measure_hits(run: Path, folder: str = "motifs") -> dict[str, Found]:
    """Return what is found of each factor in the targets that it drives."""
    hits = pd.read_csv(run / folder / "hits.tsv", sep="\t", keep_default_na=False)
    sites = pd.read_csv(run / "dataset/motifs.bed", sep="\t", names=SITES)
    every = read_arrays(run / "explain/explain.json")
    counts = {factor: np.zeros(4, dtype=int) for factor in MOTIFS}
    for arrays in every:
        for factor, strand in _drivers(arrays):
            own = sites[(sites["motif"] == factor) & sites["strand"].isin([*strand])]
            near = pd.concat([_near(own, place) for place in arrays.places]).drop_duplicates()
            here = hits[
                (hits["target"] == arrays.target)
                & (hits["name"] == factor)
                & (hits["model"] == arrays.model)
            ]
            any_strand = sites[sites["motif"] == factor]
            right, seen = _count(here, any_strand), _count(near, here)
            counts[factor] += [len(here), right, len(near), seen]
    return {factor: Found(*each.tolist()) for factor, each in counts.items()}


def _drivers(arrays: Arrays) -> Iterator[tuple[str, str]]:
    for driver in DRIVERS[arrays.name]:
        yield driver.rstrip("+-"), driver[-1] if driver[-1] in "+-" else "+-"


def _near(sites: pd.DataFrame, place: object) -> pd.DataFrame:
    middle = (sites["start"] + sites["end"]) / 2
    return sites[(sites["contig"] == place.contig) & ((middle - place.summit).abs() <= RADIUS)]


def _count(ones: pd.DataFrame, others: pd.DataFrame) -> int:
    """Return how many of the ones share half of their bases with one of the others."""
    total = 0
    for contig, group in ones.groupby("contig"):
        beside = others[others["contig"] == contig]
        starts, ends = beside["start"].to_numpy(), beside["end"].to_numpy()
        for row in group.itertuples():
            shared = np.minimum(ends, row.end) - np.maximum(starts, row.start)
            total += bool((2 * shared >= row.end - row.start).any())
    return total


def main() -> None:
    """Print a line for each factor, and what was not found."""
    run, *folder = sys.argv[1:]
    found = measure_hits(Path(run), *folder)
    for factor, each in found.items():
        print(
            f"{factor}\tprecision {each.precision:.2f} ({each.right} of {each.hits})"
            f"\trecall {each.recall:.2f} ({each.seen} of {each.sites})"
        )
    said = json.loads(Path(run, *(folder or ["motifs"]), "motifs.json").read_text())
    for each in said["missed"]:
        print(f"not found: {each['name']}: {each['why']}")


if __name__ == "__main__":
    main()
