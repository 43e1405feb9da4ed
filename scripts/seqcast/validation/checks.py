"""The step `validate`: what a source holds, and whether a network may learn from it."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from seqcast.base_order import BaseOrder
from seqcast.damage import refuse_damage
from seqcast.dataset import SPLITS, Dataset, check_dataset
from seqcast.errors import SeqcastError
from seqcast.findings import TargetFinding, Validation
from seqcast.provenance import sha256_of
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji.hdf5 import DAMAGED, open_hdf5, read_keys
from seqcast.sources.basenji.layout import check_layout, read_layout, read_target_names
from seqcast.sources.basenji.scan import Bases, Coverage, read_base_order, read_windows
from seqcast.targets import Targets
from seqcast.validation import judgement


def validate(settings: BasenjiSettings, path: Path, *, head: int | None = None) -> Validation:
    """Read a Basenji-style HDF5 file once and judge it.

    `head` looks at the first windows of each split only. What is wrong with the file stands in
    `refusals` of the result; nothing is raised for it.
    """
    path = Path(path)
    found = Validation("basenji_h5", path.name, head=head, ratio=settings.ratio)
    try:
        with open_hdf5(path) as file:
            with refuse_damage(path.name, "its arrays cannot be listed", DAMAGED):
                found = replace(found, bytes=path.stat().st_size, keys=read_keys(file))
                faults = check_layout(file, settings) + _check_size(settings, path)
            if faults:
                return replace(found, refusals=tuple(faults))
            found = _validate_content(found, settings, file)
        if head is None:
            found = _add_digest(found, settings, path)
    except SeqcastError as error:
        found = replace(found, refusals=(*found.refusals, *str(error).splitlines()))
    return found


def read_first_window(path: Path) -> tuple[np.ndarray, Targets]:
    """Return the first training window's coverage, (bins, targets) float32, and the targets."""
    with open_hdf5(Path(path)) as file:
        coverage = file["train_out"][0].astype(np.float32)
        return coverage, Targets.from_names(read_target_names(file), "stored values")


def _check_size(settings: BasenjiSettings, path: Path) -> list[str]:
    size = path.stat().st_size
    if settings.bytes in (None, size):
        return []
    return [
        f"{path.name}: has {size:,} bytes, dataset.bytes says {settings.bytes:,}; copy or download"
        " it again, or mend dataset.bytes"
    ]


def _add_digest(found: Validation, settings: BasenjiSettings, path: Path) -> Validation:
    digest = sha256_of(path)
    if settings.sha256 in (None, digest):
        return replace(found, sha256=digest)
    fault = (
        f"{path.name}: its sha256 is {digest}, dataset.sha256 says {settings.sha256}; copy or"
        " download it again"
    )
    return replace(found, sha256=digest, refusals=(*found.refusals, fault))


def _validate_content(found: Validation, settings: BasenjiSettings, file: h5py.File) -> Validation:
    layout = read_layout(file, settings)
    head = found.head or max(layout.windows.values())
    windows = {split: min(count, head) for split, count in layout.windows.items()}
    order = read_base_order(file, windows, settings.alphabet)
    found = replace(
        found,
        windows=windows,
        window=layout.window,
        bins=layout.bins,
        bin_size=layout.bin_size,
        crop=layout.crop,
        alphabet=order,
        warnings=tuple(
            judgement.judge_layout(layout, "pool_width" in file, "target_labels" in file)
        ),
    )
    bases, coverage = read_windows(file, windows, order)
    targets = judgement.make_target_findings(layout, coverage)
    return _judge(replace(found, targets=targets), settings, order, bases, coverage)


def _judge(
    found: Validation, settings: BasenjiSettings, order: BaseOrder, bases: Bases, coverage: Coverage
) -> Validation:
    """Add to a validation what a scan makes of it."""
    pairs = judgement.find_likenesses(bases)
    dropped, dropped_for = judgement.find_dropped(settings, coverage, pairs)
    parts = [
        judgement.judge_order(order),
        judgement.judge_bases(bases),
        judgement.judge_coverage(settings, coverage, found.targets, found.head is None),
        judgement.judge_likenesses(settings, pairs),
        (judgement.judge_dropped(dict(found.windows), dropped), []),
    ]
    return replace(
        found,
        unknown_bases={s: bases.unknown[s] / max(bases.bases[s], 1) for s in SPLITS},
        bad={split: tuple(sorted(coverage.bad[split])) for split in SPLITS},
        overlaps=pairs,
        dropped=dropped,
        dropped_for=dropped_for,
        refusals=tuple(f"{found.file}: {text}" for part in parts for text in part[0]),
        warnings=(*found.warnings, *(text for part in parts for text in part[1])),
    )


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
    total, bins, zeros, top = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
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
