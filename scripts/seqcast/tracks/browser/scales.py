"""A scale for each target that one tall peak does not rule."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pybigtools

from seqcast.tracks.files import open_values
from seqcast.tracks.table import OBSERVED, PREDICTED

# Quantile of the highest values of stretches: above it lie the few that would flatten the rest.
TOP = 0.995
FEWEST_RECORDS, MOST_CONTIGS = 300, 30


def compute_scales(
    folder: Path, rows: Iterable[Mapping[str, str]]
) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest value to draw of each target, shared by all its tracks.

    `rows` are those of `tracks.tsv` in `folder`; of many contigs some are read. The scale reaches
    from zero, or from the lowest value below it, to the 99.5 % quantile of the highest values of
    the stretches that the zoom levels of the tracks hold.
    """
    ends = defaultdict(list)
    for row in rows:
        if row["kind"] in (OBSERVED, PREDICTED):
            ends[row["target"]].append(_read_ends(folder / row["file"]))
    return {
        target: (min(low for low, _ in each), max(high for _, high in each))
        for target, each in ends.items()
    }


def _read_ends(path: Path) -> tuple[float, float]:
    with open_values(path) as file:
        contigs = list(file.chroms())
        contigs = contigs[:: -(-len(contigs) // MOST_CONTIGS)]
        lows, highs = _read_extremes(file, contigs)
    high = float(np.quantile(highs, TOP))
    # Three digits are enough to read; a track of zeros needs some height, too.
    return min(0.0, float(lows.min())), float(f"{high:.3g}") if high > 0 else 1.0


def _read_extremes(file: pybigtools.BBIReader, contigs: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest values from the coarsest zoom level with enough records."""
    for level in sorted(file.zooms(), reverse=True):
        records = [each[2] for name in contigs for each in file.zoom_records(level, name)]
        if len(records) >= FEWEST_RECORDS:
            return (
                np.array([each["min_val"] for each in records]),
                np.array([each["max_val"] for each in records]),
            )
    values = np.array([each[2] for name in contigs for each in file.records(name)])
    return values, values
