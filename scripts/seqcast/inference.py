"""Predict coverage with a trained network."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from seqcast.card import TrainingFacts
from seqcast.checkpoint import count_names, is_snapshot, read_model, read_training
from seqcast.console import format_seconds, log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.device import Device, choose_device, set_threads
from seqcast.errors import SeqcastError
from seqcast.genome import ALPHABET, reverse_complement
from seqcast.memory import keep_memory
from seqcast.nn import Network
from seqcast.predictions import PredictionWriter
from seqcast.provenance import sha256_of
from seqcast.sampling import flip
from seqcast.settings import PredictSettings, TrainSettings
from seqcast.shuffle import shuffle_dinucleotides
from seqcast.targets import Targets

# Enough windows to tell a correlation near zero from one that is not.
MOST_CONTROLS = 64
_CPU = Device(torch.device("cpu"), "float32", "")


def predict(
    network: Network,
    codes: np.ndarray,
    *,
    batch_size: int = 8,
    device: Device = _CPU,
    both_strands: bool = False,
) -> np.ndarray:
    """Predict expected coverage, unscaled.

    With `both_strands` the rates of each window and of its reverse complement are averaged.
    `codes` is (windows, length) uint8, 0..3 = A, C, G, T and 4 = N; the result (windows, bins,
    targets) float32.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.dtype != np.uint8 or (codes.size and codes.max() >= len(ALPHABET)):
        raise SeqcastError(
            f"codes are {codes.dtype} of shape {codes.shape}, wanted uint8 (windows, length) with"
            " 0..3 = ACGT and 4 = N"
        )
    if codes.shape[1] % network.settings.bin_size:
        raise SeqcastError(
            f"windows of {codes.shape[1]:,} bases do not divide into bins of"
            f" {network.settings.bin_size}; cut or pad them to a multiple"
        )
    bins = codes.shape[1] // network.settings.bin_size - 2 * network.crop
    if bins < 1:
        raise SeqcastError(
            f"windows of {codes.shape[1]:,} bases have no bin left between crops of {network.crop}"
            f" bins of {network.settings.bin_size} bases; take longer ones"
        )
    network = network.to(device.device).eval()
    parts = []
    with torch.inference_mode(), device.autocast():
        for first in range(0, len(codes), batch_size):
            part = codes[first : first + batch_size]
            rates = _rates(network, part, device)
            if both_strands:
                other = _rates(network, reverse_complement(part), device)
                rates = (rates + flip(other, network.targets.strand_pair)) / 2
            parts.append(network.targets.from_training(rates))
    return np.concatenate(parts) if parts else np.empty((0, bins, len(network.targets)), "f4")


def _rates(network: Network, codes: np.ndarray, device: Device) -> np.ndarray:
    part = torch.tensor(codes, device=device.device)
    return network(part).exp().cpu().numpy()


def predict_dataset(
    settings: PredictSettings,
    training: TrainSettings,
    model: Path,
    dataset_path: Path,
    output: Path,
    *,
    control: Path | None = None,
    fold: int = 0,
    name: str = "model",
    threads: int | None = None,
    gpus: int | None = None,
) -> None:
    """Predict the windows of a split and write them batch by batch.

    `control` is where to write what is predicted of some of these windows once their sequence is
    shuffled. Device, precision and threads are those of the training settings; `threads` and
    `gpus` are what the scheduler granted.
    """
    dataset = read_dataset(dataset_path, fold)
    network, facts = read_fitting_model(model, dataset)
    warn_of_other_fold(model, facts, dataset)
    device = choose_device(training.device, training.precision, gpus=gpus)
    set_threads(training.threads, threads)
    keep_memory()
    log.info("predicting on %s", device.reason)
    both_strands = is_both_strands(settings, model, facts)
    predictor = _Predictor(network, dataset, settings, both_strands, device, model, name)
    rows = dataset.rows_of(settings.split)[: settings.windows]
    predictor.write(output, rows, f"predict {name}")
    if control is not None:
        places = np.unique(np.linspace(0, len(rows) - 1, MOST_CONTROLS).round().astype(int))
        predictor.write(control, rows[places], f"control {name}", shuffle=True)


@dataclass(frozen=True)
class _Predictor:
    """What predicts a dataset's windows, and what it is called."""

    network: Network
    dataset: Dataset
    settings: PredictSettings
    both_strands: bool
    device: Device
    model: Path
    name: str

    def write(self, output: Path, rows: np.ndarray, title: str, *, shuffle: bool = False) -> None:
        """Predict windows and write them; with `shuffle`, of sequence with its order lost."""
        start, size, digest = time.monotonic(), self.settings.batch_size, sha256_of(self.model)
        with (
            PredictionWriter(
                output, self.dataset, rows, model=self.name, checkpoint_digest=digest
            ) as out,
            progress(len(rows), title, "windows") as bar,
        ):
            for first in range(0, len(rows), size):
                predicted = self._predict(rows[first : first + size], shuffle)
                out.add(predicted)
                bar.update(len(predicted))
                if self.settings.windows and first == 0 and not shuffle:
                    _show(predicted)
            out.finish()
        seconds = time.monotonic() - start
        log.info(
            "%s: %d %swindows in %s (%.1f windows/s)",
            title,
            len(rows),
            "shuffled " if shuffle else "",
            format_seconds(seconds),
            len(rows) / seconds,
        )

    def _predict(self, rows: np.ndarray, shuffle: bool) -> np.ndarray:
        codes = np.stack([self.dataset.codes_of(row) for row in rows])
        if shuffle:
            pairs = zip(codes, rows.tolist(), strict=True)
            codes = np.stack([shuffle_dinucleotides(each, row) for each, row in pairs])
        predicted = predict(
            self.network,
            codes,
            batch_size=self.settings.batch_size,
            device=self.device,
            both_strands=self.both_strands,
        )
        check_finite(self.model, predicted)
        return predicted


def read_fitting_model(model: Path, dataset: Dataset) -> tuple[Network, TrainingFacts]:
    """Read a model and what is known of its training; refuse one that does not fit a dataset.

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
    return network, facts


def is_both_strands(settings: PredictSettings, model: Path, facts: TrainingFacts) -> bool:
    """Say whether rates are averaged over strands: how a model was trained decides."""
    if settings.strands != "auto":
        return settings.strands == "both"
    if facts.settings is None:
        log.warning(
            "%s: does not say whether it was trained on both strands; one is predicted from, set"
            " predict.strands: both for two",
            model,
        )
        return False
    return facts.settings.reverse_complement


def warn_of_other_fold(model: Path, facts: TrainingFacts, dataset: Dataset) -> None:
    """Say where a model has been trained on what another fold holds out."""
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


def check_finite(model: Path, predicted: np.ndarray) -> None:
    """Refuse a model that predicts what is no number."""
    bad = ~np.isfinite(predicted)
    if bad.any():
        raise SeqcastError(f"{model}: predicts {bad.sum()} values that are not finite; train anew")


def _show(predicted: np.ndarray) -> None:
    """Print shape and values as the chapter does."""
    log.info("shape (windows, bins, targets): %s", predicted.shape)
    log.info("first window, first target: %s", np.array2string(predicted[0, :, 0], threshold=8))
