"""What a dataset made here holds, and whether a network may learn from it."""

import h5py
import numpy as np

from seqcast.data import SPLITS, Dataset, check_dataset
from seqcast.sources.basenji.hdf5 import read_keys
from seqcast.sources.findings import TargetFinding, Validation


def validate_dataset(dataset: Dataset) -> Validation:
    """Judge a dataset made here, such as the simulated one."""
    with h5py.File(dataset.path, "r") as file:
        keys = read_keys(file)
    rows = {split: dataset.rows_of(split) for split in SPLITS}
    targets = _find_targets(dataset, rows["train"])
    refusals = check_dataset(dataset)
    zero = [target.name for target in targets if target.mean == 0]
    if zero:
        refusals.append(
            f"{dataset.path}: {len(zero)} of {len(targets)} targets are zero in all train windows:"
            f" {', '.join(zero[:3])}; nothing can be learnt from them"
        )
    return Validation(
        source=str(dataset.source.get("kind", "dataset")),
        file=dataset.path.name,
        bytes=dataset.path.stat().st_size,
        keys=keys,
        windows={split: len(found) for split, found in rows.items()},
        window=dataset.window,
        bins=dataset.output_bins,
        bin_size=dataset.bin_size,
        crop=dataset.crop,
        unknown_bases={split: _unknown_share(dataset, found) for split, found in rows.items()},
        targets=targets,
        bad=dict.fromkeys(SPLITS, ()),
        dropped=dict.fromkeys(SPLITS, ()),
        refusals=tuple(refusals),
    )


def _find_targets(dataset: Dataset, rows: np.ndarray) -> tuple[TargetFinding, ...]:
    """Return mean and zeros over the train windows, as often as windows hold a bin."""
    shape = len(dataset.targets)
    total = np.zeros(shape)
    bins = np.zeros(shape)
    zeros = np.zeros(shape)
    top = np.zeros(shape)
    for row in rows:
        values = dataset.coverage_of(int(row)).astype(np.float64)
        known = np.isfinite(values)
        values = np.where(known, values, 0.0)
        total += values.sum(axis=0)
        bins += known.sum(axis=0)
        zeros += (known & (values == 0)).sum(axis=0)
        top = np.maximum(top, values.max(axis=0))
    known_bins = np.maximum(bins, 1)
    columns = (total / known_bins, top, zeros / known_bins)
    names = dataset.targets.identifier
    rows_out = zip(names, *(column.tolist() for column in columns), strict=True)
    return tuple(TargetFinding(*row) for row in rows_out)


def _unknown_share(dataset: Dataset, rows: np.ndarray) -> float:
    unknown = sum(int((dataset.codes_of(int(row)) == 4).sum()) for row in rows)
    return unknown / max(len(rows) * dataset.window, 1)
