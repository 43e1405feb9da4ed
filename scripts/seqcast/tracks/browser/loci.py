"""Places worth a look: the best, the median and the worst window, the strongest, the user's own."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.core.errors import SeqcastError, suggest
from seqcast.core.seal import AGAIN, read_sealed
from seqcast.data import Dataset
from seqcast.data.predictions import Predictions

# Strength and error of a window are means over targets; of very many some are enough.
MOST_TARGETS = 200
_PLACE = re.compile(r"(?P<chrom>.+):(?P<start>[\d,]+)-(?P<end>[\d,]+)")


@dataclass(frozen=True)
class Locus:
    """A place on a chromosome, 0-based and half-open, with its name and why it is shown."""

    name: str
    chrom: str
    start: int
    end: int
    why: str = ""

    def touches(self, other: "Locus") -> bool:
        """Say whether two places share a base."""
        return self.chrom == other.chrom and self.start < other.end and other.start < self.end

    @property
    def place(self) -> str:
        """The place as browsers write it: counted from one, the end included."""
        return f"{self.chrom}:{self.start + 1:,}-{self.end:,}"


def parse_loci(entries: Sequence[str], sizes: Mapping[str, int]) -> list[Locus]:
    """Make loci of the user's `browse.loci`: `chr1:1,000-20,000`, or `name=chr1:1,000-20,000`.

    Positions count from one and include both ends. `sizes` are the lengths of the chromosomes.
    Raises SeqcastError, naming every bad one, where a place is none or not in the genome.
    """
    loci, faults = [], []
    for entry in entries:
        name, _, place = entry.rpartition("=")
        fault, locus = _parse_place(place.strip(), sizes)
        faults += [f"{entry!r}: {fault}"] if fault else []
        loci += [replace(locus, name=name.strip() or locus.name)] if locus else []
    if faults:
        raise SeqcastError(
            f"config: browse.loci: {len(faults)} of {len(entries)} cannot be shown; correct "
            + "; ".join(faults)
        )
    return loci


def _parse_place(text: str, sizes: Mapping[str, int]) -> tuple[str, Locus | None]:
    """Return what is wrong with a place, or the locus."""
    found = _PLACE.fullmatch(text)
    chrom = found["chrom"] if found else text
    if chrom not in sizes:
        known = ", ".join(list(sizes)[:3]) + (" ..." if len(sizes) > 3 else "")
        wanted = "" if found else "; wanted a place such as chr1:1,000-20,000"
        near = suggest(chrom, list(sizes))
        have = f"these tracks have no contig {chrom!r}, but {len(sizes):,} ({known})"
        # Pages of test windows have their contigs alone.
        others = "; the whole genome is in the pages of `snakemake genome_tracks`"
        return f"{have}{near}{wanted}{others}", None
    start, end = 1, sizes[chrom]
    if found:
        start, end = (int(found[key].replace(",", "") or 0) for key in ("start", "end"))
    if not 1 <= start <= end <= sizes[chrom]:
        return f"wanted 1 <= start <= end <= {sizes[chrom]:,}, the length of {chrom}", None
    return "", Locus(text, chrom, start - 1, end, "a place of your own")


def find_loci(windows: str | Path, predictions: Predictions, dataset: Dataset) -> list[Locus]:
    """Return the best, median and worst window, the strongest and the one with the largest error.

    `windows` is the `windows.tsv` that was made of the predictions, with Pearson's r of each, the
    mean over targets. The strongest has the highest observed coverage and the largest error the
    highest mean absolute difference, both relative to the mean of each target. A window that is
    several of these is listed once, by all its names.
    """
    text = io.StringIO(read_sealed(windows, AGAIN))
    table = pd.read_csv(text, sep="\t", dtype={"contig": str}, keep_default_na=False)
    r = pd.to_numeric(table["pearson_r"], errors="coerce").to_numpy()[np.argsort(table["place"])]
    if len(r) != len(predictions.rows) or not len(r):
        raise SeqcastError(
            f"{windows}: found {len(r):,} windows, wanted the {len(predictions.rows):,} of"
            f" {predictions.path} (at least one); run `snakemake evaluate` again"
        )
    named: dict[int, list[tuple[str, str]]] = {}
    for place, name, why in [*_rank_windows(r), *_find_extremes(predictions, dataset)]:
        named.setdefault(place, []).append((name, why))
    return [_make_locus(predictions, place, names, r[place]) for place, names in named.items()]


def _rank_windows(r: np.ndarray) -> Iterable[tuple[int, str, str]]:
    """Yield place, name and reason of the windows at the ends and in the middle of the ranking."""
    order = np.argsort(-r, kind="stable")  # NaN comes last
    known = order[: max(int(np.isfinite(r).sum()), 1)]
    yield int(known[0]), "best window", "highest r"
    yield int(known[len(known) // 2]), "median window", "half the windows have a higher r"
    yield int(known[-1]), "worst window", "lowest r"


def _find_extremes(predictions: Predictions, dataset: Dataset) -> Iterable[tuple[int, str, str]]:
    """Yield the strongest window and the one with the largest error, where any is known."""
    step = -(-len(dataset.targets) // MOST_TARGETS)
    observed, error = (
        np.full((len(predictions.rows), len(range(0, len(dataset.targets), step))), np.nan)
        for _ in range(2)
    )
    for places in predictions.split_windows():
        for place, predicted in zip(places, predictions.read_windows(places), strict=True):
            x = dataset.coverage_of(int(predictions.rows[place]))[:, ::step].astype(float)
            known = np.isfinite(x)
            bins = np.maximum(known.sum(axis=0), 1)
            observed[place] = np.where(known, x, 0).sum(axis=0) / bins
            error[place] = np.where(known, np.abs(predicted[:, ::step] - x), 0).sum(axis=0) / bins
    mean = observed.mean(axis=0)
    if not (mean > 0).any():
        return
    strength = (observed[:, mean > 0] / mean[mean > 0]).mean(axis=1)
    place = int(strength.argmax())
    yield place, "strongest window", f"{strength[place]:.1f} times the mean coverage"
    missed = (error[:, mean > 0] / mean[mean > 0]).mean(axis=1)
    place = int(missed.argmax())
    yield place, "largest error", f"off by {missed[place]:.1f} times the mean coverage"


def _make_locus(
    predictions: Predictions, place: int, names: list[tuple[str, str]], r: float
) -> Locus:
    return Locus(
        ", ".join(name for name, _ in names).capitalize(),
        predictions.contig[place],
        int(predictions.start[place]),
        int(predictions.end[place]),
        "; ".join([*(why for _, why in names), f"r {r:.2f}" if np.isfinite(r) else "r unknown"]),
    )
