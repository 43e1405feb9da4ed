"""Predict the windows of a dataset with a trained model that fits it."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.provenance import sha256_of
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.genome.shuffle import shuffle_dinucleotides
from seqcast.nn.checkpoint import read_training
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel

# Enough windows to tell a correlation near zero from one that is not.
MOST_CONTROLS = 64


def predict_dataset(model: TrainedModel, output: Path) -> None:
    """Predict the windows of a split and write them batch by batch.

    Some of them are also predicted with their sequence shuffled.
    """
    predictor, *_ = model.open()
    dataset = read_dataset(model.dataset, model.fold)
    _warn_of_other_fold(model.path, dataset)
    settings = model.predict
    rows = dataset.rows_of(settings.split)[: settings.windows]
    controls = np.unique(np.linspace(0, len(rows) - 1, MOST_CONTROLS).round().astype(int))
    origin = {"model": model.name, "checkpoint_digest": sha256_of(model.path)}
    with PredictionWriter(output, dataset, rows, **origin, control=controls) as out:
        show = bool(settings.windows)
        _predict(out.add, predictor, dataset, rows, f"predict {model.name}", show=show)
        title = f"control {model.name}"
        _predict(out.add_control, predictor, dataset, rows[controls], title, shuffle=True)
        out.finish()


def _predict(
    add: Callable[[np.ndarray], None],
    predictor: Predictor,
    dataset: Dataset,
    rows: np.ndarray,
    title: str,
    *,
    shuffle: bool = False,
    show: bool = False,
) -> None:
    """Predict windows and add them; with `shuffle`, of sequence with its order lost.

    With `show` shape and first values are printed, as the chapter does.
    """
    start, size = time.monotonic(), predictor.batch_size
    with progress(len(rows), title, "windows") as bar:
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            codes = np.stack([dataset.codes_of(row) for row in part])
            if shuffle:
                pairs = zip(codes, part.tolist(), strict=True)
                codes = np.stack([shuffle_dinucleotides(each, row) for each, row in pairs])
            predicted = predictor.predict(codes)
            add(predicted)
            bar.update(len(part))
            if show and first == 0:
                log.info("shape (windows, bins, targets): %s", predicted.shape)
                values = np.array2string(predicted[0, :, 0], threshold=8)
                log.info("first window, first target: %s", values)
    seconds = time.monotonic() - start
    log.info(
        "%s: %d %swindows in %s (%.1f windows/s)",
        title,
        len(rows),
        "shuffled " if shuffle else "",
        format_seconds(seconds),
        len(rows) / seconds,
    )


def _warn_of_other_fold(model: Path, dataset: Dataset) -> None:
    """Say where a model has been trained on what another fold holds out."""
    facts = read_training(model)
    is_same = facts.dataset_digest == dataset.digest
    if is_same and facts.fold not in (None, dataset.fold):
        log.warning(
            "%s: was trained in fold %d of %d, and now predicts the windows of fold %d: it has"
            " learned from some of them",
            model,
            facts.fold + 1,
            dataset.folds,
            dataset.fold + 1,
        )
