"""What a file of Basenji's first format holds, and whether a network may learn from it."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.data import SPLITS
from seqcast.data.targets import Targets
from seqcast.settings import BasenjiSettings
from seqcast.sources.base_order import BaseOrder
from seqcast.sources.basenji.hdf5 import DAMAGED, open_hdf5, read_keys
from seqcast.sources.basenji.layout import check_layout, read_layout, read_target_names
from seqcast.sources.basenji.scan import Bases, Coverage, read_base_order, read_windows
from seqcast.sources.findings import Validation
from seqcast.sources.validation import judgement


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
        " it again, or correct dataset.bytes"
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
