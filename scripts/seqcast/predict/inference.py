"""Predict the windows of a dataset with a trained model that fits it."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.errors import SeqcastError
from seqcast.core.memory import keep_memory
from seqcast.core.provenance import sha256_of
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.data.targets import Targets
from seqcast.genome.shuffle import shuffle_dinucleotides
from seqcast.nn import Network
from seqcast.nn.checkpoint import count_names, is_snapshot, read_model, read_training
from seqcast.nn.device import Device, choose_device, set_threads
from seqcast.predict.predictor import Predictor, is_both_strands
from seqcast.settings import PredictSettings, TrainSettings

# Enough windows to tell a correlation near zero from one that is not.
MOST_CONTROLS = 64


def predict_dataset(
    settings: PredictSettings,
    training: TrainSettings,
    model: Path,
    dataset_path: Path,
    output: Path,
    *,
    fold: int = 0,
    name: str = "model",
    threads: int | None = None,
    gpus: int | None = None,
) -> None:
    """Predict the windows of a split and write them batch by batch.

    Some of them are also predicted with their sequence shuffled. Device, precision and threads are
    those of the training settings; `threads` and `gpus` are what the scheduler granted.
    """
    dataset = read_dataset(dataset_path, fold)
    predictor = open_fitting(
        model, dataset, settings, choose_device(training.device, training.precision, gpus=gpus)
    )
    _warn_of_other_fold(model, dataset)
    set_threads(training.threads, threads)
    keep_memory()
    log.info("predicting on %s", predictor.device.reason)
    rows = dataset.rows_of(settings.split)[: settings.windows]
    places = np.unique(np.linspace(0, len(rows) - 1, MOST_CONTROLS).round().astype(int))
    origin = {"model": name, "checkpoint_digest": sha256_of(model)}
    with PredictionWriter(output, dataset, rows, **origin, control=places) as out:
        show = bool(settings.windows)
        _predict(out.add, predictor, dataset, rows, f"predict {name}", show=show)
        title = f"control {name}"
        _predict(out.add_control, predictor, dataset, rows[places], title, shuffle=True)
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


def open_fitting(
    model: Path, dataset: Dataset, settings: PredictSettings, device: Device
) -> Predictor:
    """Return what predicts with a model; refuse one that does not fit a dataset.

    A snapshot of the course, or what was made of it, only counts its targets: they are taken to be
    the dataset's, in its order, neither scaled nor clipped, as the course's were.
    """
    network, facts = read_model(model), read_training(model)
    _check_sizes(model, network, dataset)
    names, own = dataset.targets.identifier, network.targets.identifier
    if is_snapshot(model) or own == count_names(len(own)) != names:
        log.warning(
            "%s: names no targets: they are taken to be those of %s, in its order, and unscaled%s",
            model,
            dataset.path,
            "; it was trained on one strand, as the course was" if is_snapshot(model) else "",
        )
        taken = {key: getattr(dataset.targets, key) for key in ("identifier", "strand_pair")}
        network.targets = replace(network.targets, **taken)
    else:
        check_fit(model, network.targets, dataset)
    both_strands = is_both_strands(settings.strands, model, facts)
    window = facts.window or dataset.window
    return Predictor(network, window, both_strands, device, settings.batch_size, str(model))


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


# All columns of the targets table but words for people: what a number means hangs on them.
_FITTING = ("identifier", "strand_pair", "scale", "sum_stat", "clip_soft", "clip", "span")


def check_fit(model: Path, found: Targets, dataset: Dataset) -> None:
    """Refuse a model whose targets, their order or what was made of them is not the dataset's."""
    wanted = dataset.targets
    for column in _FITTING:
        pairs = zip(getattr(found, column), getattr(wanted, column), strict=True)
        differing = [(*pair, at) for at, pair in enumerate(pairs) if pair[0] != pair[1]]
        if not differing:
            continue
        ours, theirs, at = differing[0]
        is_order = column == "identifier" and set(found.identifier) == set(wanted.identifier)
        raise SeqcastError(
            f"{model}: the {column} of target {at} ({wanted.identifier[at]}) is {ours!r}, but"
            f" {dataset.path} has {theirs!r}"
            + (": the same targets in another order" if is_order else "")
            + f" ({len(differing):,} of {len(wanted):,} differ); predict with a model trained on"
            " such data, or make the dataset with the targets of the model"
        )


def _check_sizes(model: Path, network: Network, dataset: Dataset) -> None:
    for what, found, wanted in (
        ("targets", len(network.targets), len(dataset.targets)),
        ("bases a bin", network.settings.bin_size, dataset.bin_size),
        ("bins of crop", network.crop, dataset.crop),
    ):
        if found != wanted:
            raise SeqcastError(
                f"{model}: has {found} {what}, but {dataset.path} has {wanted}; predict with a"
                " model trained on such data"
            )
