"""Predict coverage with a trained network."""

import os
import time
from pathlib import Path

import numpy as np
import torch

from seqcast.checkpoint import read_model
from seqcast.console import format_seconds, log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.device import Device, choose_device
from seqcast.errors import SeqcastError
from seqcast.genome import ALPHABET
from seqcast.model import Network
from seqcast.predictions import PredictionWriter
from seqcast.provenance import sha256_of
from seqcast.settings import PredictSettings, TrainSettings

_CPU = Device(torch.device("cpu"), "float32", "")


def predict(
    network: Network, codes: np.ndarray, *, batch_size: int = 8, device: Device = _CPU
) -> np.ndarray:
    """Predict expected coverage in the units of the training data.

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
    network = network.to(device.device).eval()
    scale = torch.from_numpy(network.targets.scale_T).to(device.device)
    parts = []
    with torch.inference_mode(), device.autocast():
        for first in range(0, len(codes), batch_size):
            part = torch.tensor(codes[first : first + batch_size], device=device.device)
            parts.append((network(part).exp() / scale).cpu().numpy())
    bins = codes.shape[1] // network.settings.bin_size - 2 * network.crop
    return np.concatenate(parts) if parts else np.empty((0, bins, len(network.targets)), "f4")


def predict_dataset(
    settings: PredictSettings,
    training: TrainSettings,
    model: Path,
    dataset_path: Path,
    output: Path,
    *,
    name: str = "model",
    threads: int | None = None,
    gpus: int | None = None,
) -> None:
    """Predict the windows of a split and write them batch by batch.

    Device, precision and threads are those of the training settings; `threads` and `gpus` are
    what the scheduler granted.
    """
    dataset, network = read_dataset(dataset_path), read_model(model)
    _check_fit(model, network, dataset)
    device = choose_device(training.device, training.precision, gpus=gpus)
    torch.set_num_threads(training.threads or threads or os.cpu_count() or 1)
    log.info("predicting on %s", device.reason)
    rows = dataset.rows_of(settings.split)[: settings.windows]
    start = time.monotonic()
    with (
        PredictionWriter(
            output, dataset, rows, model=name, checkpoint_digest=sha256_of(model)
        ) as out,
        progress(len(rows), f"predict {name}", "windows") as bar,
    ):
        for first in range(0, len(rows), settings.batch_size):
            part = rows[first : first + settings.batch_size]
            codes = np.stack([dataset.codes_of(row) for row in part])
            predicted = predict(network, codes, batch_size=settings.batch_size, device=device)
            _check_finite(model, predicted)
            out.add(predicted)
            bar.update(len(part))
            if settings.windows and first == 0:
                _show(predicted)
        out.finish()
    seconds = time.monotonic() - start
    log.info(
        "predicted %d %s windows in %s (%.1f windows/s)",
        len(rows),
        settings.split,
        format_seconds(seconds),
        len(rows) / seconds,
    )


def _check_fit(model: Path, network: Network, dataset: Dataset) -> None:
    """Refuse a model that was made for other data."""
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


def _check_finite(model: Path, predicted: np.ndarray) -> None:
    bad = ~np.isfinite(predicted)
    if bad.any():
        raise SeqcastError(f"{model}: predicts {bad.sum()} values that are not finite; train anew")


def _show(predicted: np.ndarray) -> None:
    """Print shape and values as the chapter does."""
    log.info("shape (windows, bins, targets): %s", predicted.shape)
    log.info("first window, first target: %s", np.array2string(predicted[0, :, 0], threshold=8))
