"""Combine the predictions of a model's members: average replicates, put folds together."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import Predictions, PredictionWriter, read_predictions


@dataclass(frozen=True)
class _Window:
    """A row of the dataset's windows table, and where each replicate of its fold predicts it."""

    row: int
    fold: int
    found: tuple[tuple[Predictions, int], ...]

    def read(self) -> np.ndarray:
        """Return what all replicates predict, (replicates, bins, targets) float64."""
        return np.stack([each.read_window(place) for each, place in self.found]).astype(np.float64)


def combine_predictions(
    members: Mapping[tuple[int, int], Path], dataset_path: Path, output: Path, *, model: str
) -> None:
    """Write the mean over replicates, and the union over folds, as predictions of one model.

    `members` maps (fold, replicate) to the `predictions.h5` of that training. With folds every
    window comes once, from the members whose fold holds it out as test: no model saw what it
    predicts here, and what else a file holds is left aside. Without folds all members must hold the
    same windows. Windows are in the dataset's order. With two replicates or more, the spread is
    their standard deviation, divided by n - 1.

    Raises SeqcastError for members of another dataset or fold, and for those that lack windows.
    """
    dataset = read_dataset(dataset_path)
    opened = _read_members(members, dataset)
    replicates = len(opened[0])
    windows = sorted(_find_windows(opened, dataset), key=lambda window: window.row)
    with (
        PredictionWriter(
            output,
            dataset,
            np.array([window.row for window in windows]),
            model=model,
            checkpoint_digest=_digest(opened),
            spread=replicates > 1,
            folds=np.array([window.fold for window in windows]),
        ) as out,
        progress(len(windows), f"combine {model}", "windows") as bar,
    ):
        for window in windows:
            values_RBT = window.read()
            spread = values_RBT.std(axis=0, ddof=1)[None] if replicates > 1 else None
            out.add(values_RBT.mean(axis=0)[None], spread)
            bar.update(1)
        out.finish()
    log.info(
        "%s: %d windows, folds: %d, replicates: %d", model, len(windows), len(opened), replicates
    )


def _read_members(
    members: Mapping[tuple[int, int], Path], dataset: Dataset
) -> list[list[Predictions]]:
    """Open the members, a list of replicates for each fold."""
    replicates = 1 + max((replicate for _, replicate in members), default=0)
    wanted = list(product(range(dataset.folds), range(replicates)))
    if sorted(members) != wanted:
        raise ValueError(f"members are {sorted(members)}, wanted (fold, replicate) {wanted}")
    return [
        [read_predictions(members[fold, each], dataset) for each in range(replicates)]
        for fold in range(dataset.folds)
    ]


def _find_windows(opened: list[list[Predictions]], dataset: Dataset) -> Iterator[_Window]:
    for fold, replicates in enumerate(opened):
        places = [
            {row: place for place, row in enumerate(each.rows.tolist())} for each in replicates
        ]
        if dataset.folds > 1:
            rows = set(read_dataset(dataset.path, fold).rows_of("test").tolist())
        else:
            rows = set().union(*places)
        for each, place in zip(replicates, places, strict=True):
            _check_member(each, fold, rows, rows - place.keys(), dataset)
        for row in rows:
            found = zip(replicates, (place[row] for place in places), strict=True)
            yield _Window(row, fold, tuple(found))


def _check_member(
    member: Predictions, fold: int, rows: set[int], missing: set[int], dataset: Dataset
) -> None:
    if strange := set(member.folds.tolist()) - {fold}:
        raise SeqcastError(
            f"{member.path}: was predicted in fold {min(strange) + 1}, wanted fold {fold + 1} of"
            f" {dataset.folds}; run `snakemake predict` again"
        )
    if missing:
        names, start, end = dataset.find_places(np.array([min(missing)]))
        whose = f"that fold {fold + 1} holds out" if dataset.folds > 1 else "of all replicates"
        raise SeqcastError(
            f"{member.path}: lacks {len(missing):,} of the {len(rows):,} windows {whose}, the first"
            f" at {names[0]}:{start[0]:,}-{end[0]:,}; predict them all (predict.windows"
            " not given, predict.split test or all) and run `snakemake predict` again"
        )


def _digest(opened: list[list[Predictions]]) -> str:
    """Return the digest of the members' digests, fold by fold."""
    digests = [each.checkpoint_digest for replicates in opened for each in replicates]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
