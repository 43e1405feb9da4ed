"""Combine the predictions of a model's members: average replicates, put folds together."""

import hashlib
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import (
    Predictions,
    PredictionWriter,
    read_predictions,
    split_numbers,
)


def combine_predictions(
    members: Mapping[tuple[int, int], Path], dataset_path: Path, output: Path, *, model: str
) -> None:
    """Write the mean over replicates, and the union over folds, as predictions of one model.

    `members` maps (fold, replicate) to the `predictions.h5` of that training. With folds every
    window comes once, from the members whose fold holds it out as test: no model saw what it
    predicts here, and what else a file holds is left aside. Without folds all members must hold the
    same windows. Windows are in the dataset's order. With two replicates or more, the spread is
    their standard deviation, divided by n - 1. The control is the first member's.

    Raises SeqcastError for members of another dataset or fold, and for those that lack windows.
    """
    dataset = read_dataset(dataset_path)
    opened = _read_members(members, dataset)
    replicates = len(opened[0])
    rows, folds, numbers_RN = _find_windows(opened, dataset)
    control = opened[0][0].control
    with (
        PredictionWriter(
            output,
            dataset,
            rows,
            model=model,
            checkpoint_digest=_digest(opened),
            spread=replicates > 1,
            folds=folds,
            control=np.searchsorted(rows, control.rows) if control else None,
        ) as out,
        progress(len(rows), f"combine {model}", "windows") as bar,
    ):
        size = 4 * replicates * dataset.output_bins * len(dataset.targets)
        for part in split_numbers(len(rows), size):
            values_RNBT = _read_windows(opened, folds[part], numbers_RN[:, part])
            spread = values_RNBT.std(axis=0, ddof=1) if replicates > 1 else None
            out.add(values_RNBT.mean(axis=0), spread)
            bar.update(len(part))
        for numbers in control.split_windows() if control else ():
            out.add_control(control.read_windows(numbers))
        out.finish()
    log.info("%s: %d windows, folds: %d, replicates: %d", model, len(rows), len(opened), replicates)


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


def _find_windows(
    opened: list[list[Predictions]], dataset: Dataset
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of all windows, ascending, the fold of each, and where its members have it.

    These are (windows,), (windows,) and (replicates, windows).
    """
    rows, numbers = [], []
    for fold, replicates in enumerate(opened):
        number_of = [
            {row: number for number, row in enumerate(each.rows.tolist())} for each in replicates
        ]
        if dataset.folds > 1:
            here = set(read_dataset(dataset.path, fold).rows_of("test").tolist())
        else:
            here = set().union(*number_of)
        for each, found in zip(replicates, number_of, strict=True):
            _check_member(each, fold, here, here - found.keys(), dataset)
        rows.append(np.array(sorted(here), dtype=np.int64))
        numbers.append(np.array([[found[row] for row in sorted(here)] for found in number_of], int))
    folds = np.repeat(np.arange(len(opened)), [len(each) for each in rows])
    order = np.argsort(np.concatenate(rows), kind="stable")
    return np.concatenate(rows)[order], folds[order], np.concatenate(numbers, axis=1)[:, order]


def _read_windows(
    opened: list[list[Predictions]], folds: np.ndarray, numbers_RN: np.ndarray
) -> np.ndarray:
    """Return what replicates predict, each window's by its fold.

    Values are (replicates, windows, bins, targets) float64.
    """
    first = opened[0][0]
    values = np.empty((*numbers_RN.shape, first.bins, len(first.targets)))
    for fold in np.unique(folds):
        here = folds == fold
        for member, numbers, out in zip(opened[fold], numbers_RN, values, strict=True):
            out[here] = member.read_windows(numbers[here])
    return values


def _check_member(
    member: Predictions, fold: int, rows: set[int], missing: set[int], dataset: Dataset
) -> None:
    if strange := set(member.folds.tolist()) - {fold}:
        raise SeqcastError(
            f"{member.path}: was predicted in fold {min(strange) + 1}, wanted fold {fold + 1} of"
            f" {dataset.folds}; run `snakemake predict` again"
        )
    if missing:
        names, start, end = dataset.intervals_of(np.array([min(missing)]))
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
