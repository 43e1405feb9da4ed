"""Evaluate predictions: `metrics.tsv`, a row a target, and `windows.tsv`, a row a window."""

from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.core.console import log, progress
from seqcast.data import read_dataset
from seqcast.data.predictions import read_predictions
from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import (
    DEFINITIONS,
    CrossTargetMean,
    Track,
    WindowMean,
    evaluate_target,
    pearson_r,
    pearson_r_log1p,
)
from seqcast.evaluate.metrics.target import NAN, Value
from seqcast.evaluate.noise import Noise
from seqcast.evaluate.tables import format_summary, make_window_table, write_table
from seqcast.evaluate.tracks import Control, Tracks, number_blocks
from seqcast.settings.steps import EvaluateSettings

__all__ = ["evaluate"]


def evaluate(
    predictions_path: Path,
    dataset_path: Path,
    metrics_path: Path,
    windows_path: Path,
    *,
    settings: EvaluateSettings,
    truth_path: Path | None = None,
    replicates_path: Path | None = None,
) -> None:
    """Compare predictions with what was observed and write both tables.

    Overlapping windows are averaged first, so that each bin counts once; units are those of the
    dataset's coverage. Noiseless rates (`truth_path`) or replicates give the noise ceiling,
    predictions of shuffled windows, where there are any, the negative control. Files are gone
    through once, as many targets in memory as fit. Where these are not all, those before the last
    ones are read again for what is specific to each: that needs the mean over all of them first.
    """
    dataset = read_dataset(dataset_path)
    predictions = read_predictions(predictions_path, dataset)
    tracks = Tracks(predictions, dataset)
    noise = Noise(dataset, tracks, truth_path, replicates_path)
    control = Control(predictions.control, dataset, tracks) if predictions.control else None
    block = number_blocks(tracks.bins, dataset)
    shared, within = CrossTargetMean(len(tracks.bins)), WindowMean(len(predictions.rows))
    rows: list[dict[str, Value]] = []
    with progress(len(dataset.targets), "evaluate", "targets") as bar:
        for index, name in enumerate(dataset.targets.identifier):
            predicted, observed = tracks.read(index)
            track = Track(
                predicted,
                observed,
                block,
                dataset.output_bins,
                dataset.targets.mean[index],
                clipped=_clip(dataset.targets, index, observed),
                **noise.read(index, observed),
            )
            row = evaluate_target(track, peak_fdr=settings.peak_fdr, draws=settings.bootstrap)
            shared.add(predicted, observed)
            within.add(*tracks.read_windows(index))
            rows.append({"target": name, **row, **_evaluate_control(control, index, track)})
            bar.update(1)
    # Backwards, as the last ones are still in memory.
    for index in reversed(range(len(rows))):
        rows[index]["specific_pearson_r"] = shared.specific_pearson_r(*tracks.read(index))
    table = pd.DataFrame(rows, columns=list(DEFINITIONS))
    write_table(table, metrics_path)
    write_table(make_window_table(predictions, within.pearson_r), windows_path)
    for line in format_summary(table):
        log.info("%s", line)


def _evaluate_control(control: Control | None, index: int, track: Track) -> dict[str, Value]:
    """Return the r of predictions of shuffled windows with what the real ones hold."""
    row: dict[str, Value] = {"control_pearson_r": NAN, "control_pearson_r_log1p": NAN}
    if control is not None:
        predicted, observed = control.read(index, track.observed)
        known = ~np.isnan(observed)
        pair = predicted[known], observed[known]
        row["control_pearson_r"] = pearson_r(*pair)
        row["control_pearson_r_log1p"] = pearson_r_log1p(*pair, track.log_unit)
    return row


def _clip(targets: Targets, index: int, observed: np.ndarray) -> np.ndarray:
    """Return a target's coverage, (bins,), clipped as in training, in the same units."""
    one = targets.scaling.on(lambda numbers_T: numbers_T[index : index + 1])
    return one.from_training(one.to_training(observed[:, None]))[:, 0]
