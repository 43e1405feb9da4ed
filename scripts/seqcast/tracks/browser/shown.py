"""What the browser pages of a run show first: the best model's targets, places worth a look."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.predictions import read_predictions
from seqcast.tracks.browser.explained import Explained, find_peaks
from seqcast.tracks.browser.loci import Locus, find_loci, parse_loci
from seqcast.tracks.browser.page import read_sizes
from seqcast.tracks.browser.varied import Varied, find_variants
from seqcast.tracks.browser.writing import find_best

# Buttons on a page; a table has the rest.
MOST_REGIONS = 12
MOST_PEAKS = 4
MOST_VARIANTS = 4


@dataclass(frozen=True)
class ResultFiles:
    """Where a model's tables of targets and of windows lie, and its predictions."""

    metrics: str | Path
    windows: str | Path
    predictions: str | Path


@dataclass(frozen=True)
class Shown:
    """Models and targets, best first, with r of each target by the best model; and places."""

    models: tuple[str, ...]
    scores: Mapping[str, float]
    loci: tuple[Locus, ...]

    @property
    def targets(self) -> list[str]:
        """Targets, best first; those without an r come last."""
        known = {name: r if math.isfinite(r) else -math.inf for name, r in self.scores.items()}
        return sorted(known, key=known.__getitem__, reverse=True)


def find_shown(
    folder: Path,
    dataset: Dataset,
    models: Mapping[str, ResultFiles],
    *,
    own: Sequence[str] = (),
    is_own_genome: bool = True,
    explained: Explained | None = None,
    varied: Varied | None = None,
) -> Shown:
    """Find what to show of the tracks in `folder`, from the files of each model by its name.

    `own` are the user's places, which come first; those on no chromosome of the tracks are left out
    with a warning, as they may be meant for other tracks of the run. Windows are left out where
    the tracks lie on another genome than the dataset, or in regions, which are places themselves.
    Last come the strongest peaks of the first targets that `explained` has letters of, and the
    variants that `varied` says to change most, unless the tracks lie in regions.
    """
    best, scores = find_best({name: each.metrics for name, each in models.items()})
    sizes = read_sizes(folder)
    mine, regions = _find_own(own, sizes, folder), _read_regions(folder / "regions.tsv")
    found: list[Locus] = []
    if regions:  # nothing else has values there
        mine = [*regions, *(place for place in mine if any(map(place.touches, regions)))]
    elif is_own_genome:
        found = find_loci(
            models[best].windows, read_predictions(models[best].predictions, dataset), dataset
        )
    others = [model for model in models if model != best]
    loci = tuple(locus for locus in (*mine, *found) if locus.chrom in sizes)
    shown = Shown((best, *others), scores, loci or (_make_first(sizes, dataset.window),))
    more: list[Locus] = []
    if explained and not regions:
        # Groups of targets have no score.
        targets = dict.fromkeys([*shown.targets, *explained.targets])
        more += find_peaks(explained, shown.models, targets, sizes, MOST_PEAKS)
    if varied and not regions:
        more += find_variants(varied, shown.models, sizes, scores, MOST_VARIANTS)
    return replace(shown, loci=(*shown.loci, *more))


def _make_first(sizes: Mapping[str, int], window: int) -> Locus:
    """Return a place to begin where no window, and no place of the user's, has tracks."""
    chrom, length = next(iter(sizes.items()))
    return Locus("first bases", chrom, 0, min(window, length), "there is no better place")


def _find_own(entries: Sequence[str], sizes: Mapping[str, int], folder: Path) -> list[Locus]:
    found = []
    for entry in entries:
        try:
            found += parse_loci([entry], sizes)
        except SeqcastError as error:
            log.warning("%s; left out of %s", error, folder)
    return found


def _read_regions(path: Path) -> list[Locus]:
    """Return the first regions that were predicted, where regions were."""
    if not path.is_file():
        return []
    table = pd.read_csv(
        path,
        sep="\t",
        nrows=MOST_REGIONS,
        dtype={"contig": str, "name": str},
        keep_default_na=False,
    )
    columns = (table[key].tolist() for key in ("name", "contig", "start", "end"))
    return [
        Locus(name or f"region {place}", contig, start, end, "a region of yours")
        for place, (name, contig, start, end) in enumerate(zip(*columns, strict=True), start=1)
    ]
