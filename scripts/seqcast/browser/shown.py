"""What the browser pages of a run show first: the best model's targets, places worth a look."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqcast.browser.loci import Locus, find_loci, parse_loci
from seqcast.browser.page import read_sizes
from seqcast.browser.writing import find_best
from seqcast.dataset import Dataset
from seqcast.predictions import read_predictions


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
    *,
    metrics: Mapping[str, Path],
    windows: Mapping[str, Path],
    predictions: Mapping[str, Path],
    own: Sequence[str] = (),
) -> Shown:
    """Find what to show of the tracks in `folder`, from the tables of each model by its name.

    `own` are the user's places, which come first. Raises SeqcastError where one is not in the
    genome.
    """
    best, scores = find_best(metrics)
    mine = parse_loci(own, read_sizes(folder))
    found = find_loci(windows[best], read_predictions(predictions[best], dataset), dataset)
    others = [model for model in metrics if model != best]
    return Shown((best, *others), scores, (*mine, *found))
