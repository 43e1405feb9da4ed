"""The arrays of a Basenji-style HDF5 file: which there must be, and how their shapes agree."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from seqcast.data import SPLITS
from seqcast.settings import BasenjiSettings


@dataclass(frozen=True)
class Layout:
    """What a file holds: `windows` to use per split (after `ratio`), bases and bins of each.

    `crop` is the number of bins at either side of a window that the targets do not cover.
    """

    windows: dict[str, int]
    window: int
    bins: int
    bin_size: int
    crop: int
    targets: tuple[str, ...]


def check_layout(file: h5py.File, settings: BasenjiSettings) -> list[str]:
    """Return what keeps a file from being read, one line each."""
    name = Path(file.filename).name
    faults: list[str] = []
    # Each check relies on those before it.
    checks: list[Callable[[], list[str]]] = [
        lambda: _check_keys(file),
        lambda: _check_dtypes(file),
        lambda: _check_dimensions(file),
        lambda: _check_shapes(file),
        lambda: _check_bins(file, settings),
        lambda: _check_window(file, settings),
        lambda: _check_ratio(file, settings.ratio),
    ]
    for check in checks:
        faults = check()
        if faults:
            break
    return [f"{name}: {fault}" for fault in faults]


def read_layout(file: h5py.File, settings: BasenjiSettings) -> Layout:
    """Describe a file that `check_layout` found whole."""
    length, bins = file["train_in"].shape[1], file["train_out"].shape[1]
    return Layout(
        windows={split: _count_windows(file, split, settings.ratio) for split in SPLITS},
        window=length,
        bins=bins,
        bin_size=settings.bin_size,
        crop=(length // settings.bin_size - bins) // 2,
        targets=read_target_names(file),
    )


def read_target_names(file: h5py.File) -> tuple[str, ...]:
    """Return the targets' names, or `target0`, `target1` ... where the file has none."""
    if "target_labels" not in file:
        return tuple(f"target{index}" for index in range(file["train_out"].shape[2]))
    labels = file["target_labels"][()].tolist()
    return tuple(
        label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
        for label in labels
    )


def _count_windows(file: h5py.File, split: str, ratio: int) -> int:
    """Count the windows to use; as in the chapter, `ratio` leaves the test windows alone."""
    windows = file[f"{split}_in"].shape[0]
    return windows if split == "test" else windows // ratio


def _check_keys(file: h5py.File) -> list[str]:
    wanted = [f"{split}_{side}" for split in SPLITS for side in ("in", "out")]
    missing = [key for key in wanted if not isinstance(file.get(key), h5py.Dataset)]
    if not missing:
        return []
    found = ", ".join(f"/{key}" for key in list(file)[:12]) or "nothing"
    return [
        f"has no {' nor '.join(f'/{key}' for key in missing)}; found {found}, wanted Basenji's"
        " train_in, train_out, valid_in ... ; rebuild it or set dataset.file"
    ]


def _check_dtypes(file: h5py.File) -> list[str]:
    faults = []
    for split in SPLITS:
        for side, kinds, wanted in (("in", "biuf", "bool"), ("out", "iuf", "float16")):
            dtype = file[f"{split}_{side}"].dtype
            if dtype.kind not in kinds:
                faults.append(
                    f"/{split}_{side} has dtype {dtype}, wanted {wanted} or another number;"
                    " rebuild it"
                )
    return faults


def _check_dimensions(file: h5py.File) -> list[str]:
    faults = []
    for split in SPLITS:
        rows, out = file[f"{split}_in"], file[f"{split}_out"]
        if rows.ndim != 3 or rows.shape[2] != 4:
            faults.append(
                f"/{split}_in has shape {rows.shape}, wanted (windows, bases, 4); rebuild it"
            )
        if out.ndim != 3:
            faults.append(
                f"/{split}_out has shape {out.shape}, wanted (windows, bins, targets); rebuild it"
            )
    return faults


def _check_shapes(file: h5py.File) -> list[str]:
    faults = []
    for split in SPLITS:
        rows, out = file[f"{split}_in"].shape, file[f"{split}_out"].shape
        if rows[0] != out[0]:
            faults.append(
                f"/{split}_in has {rows[0]} windows, but /{split}_out has {out[0]}; rebuild it"
            )
        for side, shape, what in (("in", rows, "bases"), ("out", out, "bins")):
            first = file[f"train_{side}"].shape
            if shape[1:] != first[1:]:
                faults.append(
                    f"/{split}_{side} has shape {shape}, but /train_{side} has {first}: {what} and"
                    " channels must agree between splits; rebuild it"
                )
    return faults + _check_labels(file)


def _check_labels(file: h5py.File) -> list[str]:
    targets = file["train_out"].shape[2]
    if targets == 0:
        return ["/train_out has no targets; rebuild it"]
    labels = file.get("target_labels")
    if labels is None:
        return []
    if not isinstance(labels, h5py.Dataset) or labels.ndim != 1 or labels.dtype.kind not in "SOU":
        return ["/target_labels is not a list of names; rebuild it or delete the key"]
    if len(labels) != targets:
        return [
            f"/target_labels has {len(labels)} names, expected {targets} as /train_out has"
            " targets; rebuild it or delete the key"
        ]
    return []


def _check_bins(file: h5py.File, settings: BasenjiSettings) -> list[str]:
    """Refuse bins that neither fill the window nor leave the same whole bins at both sides."""
    length, bins = file["train_in"].shape[1], file["train_out"].shape[1]
    bin_size = settings.bin_size
    expected = length // bin_size
    if "pool_width" in file and file["pool_width"].size == 1:
        pool_width = int(np.ravel(file["pool_width"][()])[0])
        if pool_width != bin_size:
            return [
                f"/pool_width is {pool_width}, but dataset.bin_size is {bin_size};"
                f" set dataset.bin_size: {pool_width}"
            ]
    fills = length % bin_size == 0 and bins <= expected
    if fills and (expected - bins) % 2 == 0 and 2 * bins >= expected and bins > 0:
        return []
    hint = ""
    if bins and length % bins == 0 and bins > 1:
        hint = f" ({length // bins} would fit)"
    return [
        f"/train_out has {bins} bins, expected {expected} ({length} / {bin_size}); rebuild it or"
        f" set dataset.bin_size{hint}"
    ]


def _check_window(file: h5py.File, settings: BasenjiSettings) -> list[str]:
    covered = file["train_out"].shape[1] * settings.bin_size
    if settings.window is None or settings.window <= covered:
        return []
    return [
        f"targets cover {covered:,} bases of each window, but dataset.window is"
        f" {settings.window:,}; set it to {covered} or less"
    ]


def _check_ratio(file: h5py.File, ratio: int) -> list[str]:
    faults = []
    for split in SPLITS:
        windows = file[f"{split}_in"].shape[0]
        if not windows:
            faults.append(f"/{split}_in has no windows; rebuild it")
        elif not _count_windows(file, split, ratio):
            faults.append(
                f"/{split}_in has {windows} windows, of which dataset.ratio {ratio} leaves none;"
                f" set it to {windows} or less"
            )
    return faults
