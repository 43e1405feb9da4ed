"""From a Basenji-style HDF5 file to `dataset.h5`.

The file has no coordinates, so that each of its windows becomes a contig of its own in a stand-in
assembly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqcast.console import log, progress
from seqcast.dataset import SPLITS, WINDOW_DTYPE, Contigs, DatasetWriter, make_windows
from seqcast.errors import SeqcastError
from seqcast.findings import Validation
from seqcast.genome import tile
from seqcast.provenance import sha256_of
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, open_hdf5, read_rows
from seqcast.sources.basenji.layout import Layout, read_layout
from seqcast.sources.basenji.scan import is_good
from seqcast.targets import Targets


@dataclass
class _Sums:
    """Running mean of each target over the known bins of train."""

    total: np.ndarray
    bins: np.ndarray

    def add(self, coverage_BT: np.ndarray) -> None:
        """Add the known bins of a window, (bins, targets)."""
        known = np.isfinite(coverage_BT)
        self.total += np.where(known, coverage_BT, 0).sum(axis=0, dtype=np.float64)
        self.bins += known.sum(axis=0)


def write_dataset(
    settings: BasenjiSettings, source: Path, validation: Validation, output: Path
) -> None:
    """Write the dataset of a validated file.

    Bases come out in the order ACGT; coverage stays as stored, NaN where it is masked or the
    targets do not reach. With `scale: mean` the targets' scale is 1 / train mean. Raises
    `SeqcastError` where the file was refused, or is another than was validated.
    """
    validation.raise_if_refused()
    if validation.head is not None:
        raise ValueError("only the head of the file was validated")
    _check_unchanged(Path(source), validation)
    with open_hdf5(Path(source)) as file:
        layout = read_layout(file, settings)
        rows = _find_kept(layout, validation)
        contigs = _make_contigs(layout, rows)
        windows, crop = _make_windows(settings, layout, rows)
        targets = Targets.from_names(layout.targets, units="stored values")
        with DatasetWriter(
            output, contigs=contigs, targets=targets, bin_size=layout.bin_size, crop=crop
        ) as writer:
            sums = _copy(file, layout, rows, validation, writer)
            if settings.strand_pair is not None:
                targets = _pair_strands(targets, settings.strand_pair)
            if settings.scale == "mean":
                targets = replace(targets, scale=_make_scale(layout, sums))
            writer.finish(windows, _describe(settings, layout, validation), targets)
    counts = ", ".join(
        f"{(windows['split'] == place).sum():,} {split}" for place, split in enumerate(SPLITS)
    )
    log.info("%s: wrote %s windows of %s", output, counts, source)


def _pair_strands(targets: Targets, pairs: tuple[int, ...]) -> Targets:
    try:
        return replace(targets, strand_pair=pairs)
    except ValueError as error:
        raise SeqcastError(f"config: dataset.strand_pair: {error}") from None


def _check_unchanged(source: Path, validation: Validation) -> None:
    if not source.is_file():
        raise SeqcastError(f"{source}: is not there any more; see dataset.file")
    digest = sha256_of(source)
    if digest != validation.sha256:
        raise SeqcastError(
            f"{source}: its sha256 is {digest[:12]}..., but {validation.sha256[:12]}... was"
            " validated; run `snakemake validate` again"
        )


def _find_kept(layout: Layout, validation: Validation) -> dict[str, list[int]]:
    """Return the rows to use per split."""
    kept = {}
    for split in SPLITS:
        dropped = set(validation.dropped.get(split, ()))
        kept[split] = [row for row in range(layout.windows[split]) if row not in dropped]
    return kept


def _make_contigs(layout: Layout, rows: dict[str, list[int]]) -> Contigs:
    """Name a contig for each window, with as many digits as the split needs, four at least."""
    lengths = {}
    for split in SPLITS:
        digits = max(4, len(str(layout.windows[split] - 1)))
        lengths |= {f"{split}_{row:0{digits}d}": layout.window for row in rows[split]}
    return Contigs.from_lengths(lengths, layout.bin_size)


def _make_windows(
    settings: BasenjiSettings, layout: Layout, rows: dict[str, list[int]]
) -> tuple[np.ndarray, int]:
    """Return the windows table and its crop: one window a contig, or several shorter ones.

    Shorter windows lie side by side in the part that the targets cover, so they need no crop.
    """
    window, crop, starts = layout.window, layout.crop, np.zeros(1, dtype=np.int64)
    if settings.window is not None:
        covered = layout.bins * layout.bin_size
        window, crop = settings.window, 0
        starts = tile(covered, window, window) + layout.crop * layout.bin_size
        left = covered - len(starts) * window
        log.info(
            "each window of %s bases is cut into %d of %s in the %s bases that targets cover%s",
            f"{layout.window:,}",
            len(starts),
            f"{window:,}",
            f"{covered:,}",
            f"; {left:,} bases at its end are not used" if left else "",
        )
    tables, first = [], 0
    for split in SPLITS:
        contigs = np.arange(first, first + len(rows[split]))
        place = np.tile(starts, len(contigs))
        tables.append(make_windows(np.repeat(contigs, len(starts)), place, window, split))
        first += len(contigs)
    return np.concatenate(tables, dtype=WINDOW_DTYPE), crop


def _copy(
    file: h5py.File,
    layout: Layout,
    rows: dict[str, list[int]],
    validation: Validation,
    writer: DatasetWriter,
) -> _Sums:
    """Copy the kept windows; return the sums of the train ones."""
    if validation.alphabet is None:
        raise ValueError("the validation has no order of the bases")
    table = validation.alphabet.table
    sums = _Sums(np.zeros(len(layout.targets)), np.zeros(len(layout.targets), dtype=np.int64))
    with progress(sum(map(len, rows.values())), "dataset", "window") as bar:
        for split in SPLITS:
            for rows_L4, values_BT in _read_pairs(file, split, layout.windows[split], rows[split]):
                coverage_BT = _make_coverage(layout, values_BT)
                writer.add_contig(table[codes_from_one_hot(rows_L4)[0]], coverage_BT)
                if split == "train":
                    sums.add(coverage_BT)
                bar.update(1)
    return sums


def _read_pairs(
    file: h5py.File, split: str, windows: int, rows: list[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield sequence and targets of the kept windows of a split."""
    kept = set(rows)
    inputs = read_rows(file[f"{split}_in"], windows)
    outputs = read_rows(file[f"{split}_out"], windows)
    for (row, rows_L4), (_, values_BT) in zip(inputs, outputs, strict=True):
        if row in kept:
            yield rows_L4, values_BT


def _make_coverage(layout: Layout, values_BT: np.ndarray) -> np.ndarray:
    """Return the coverage of a whole contig, (bins, targets) float32, NaN where not known."""
    shape = (layout.window // layout.bin_size, len(layout.targets))
    coverage_BT = np.full(shape, np.nan, dtype=np.float32)
    values_BT = values_BT.astype(np.float32)
    inner = slice(layout.crop, layout.crop + layout.bins)
    coverage_BT[inner] = np.where(is_good(values_BT), values_BT, np.nan)
    return coverage_BT


def _make_scale(layout: Layout, sums: _Sums) -> tuple[float, ...]:
    """Return 1 / train mean of each target."""
    zero = [
        name for name, total in zip(layout.targets, sums.total.tolist(), strict=True) if total <= 0
    ]
    if zero:
        raise SeqcastError(
            f"{len(zero)} targets are zero in all train windows that are left ({zero[0]} ...), so"
            " dataset.scale: mean cannot divide by their mean; set dataset.scale: none"
        )
    return tuple((sums.bins / sums.total).tolist())


def _describe(settings: BasenjiSettings, layout: Layout, validation: Validation) -> dict[str, Any]:
    """Say where a dataset came from and what was done to it."""
    if validation.alphabet is None:
        raise ValueError("the validation has no order of the bases")
    masked = sum(target.bad for target in validation.targets) if settings.on_bad == "mask" else 0
    return {
        "kind": "basenji_h5",
        "file": Path(validation.file).name,
        "sha256": validation.sha256,
        "alphabet": validation.alphabet.order,
        "alphabet_is_determined": validation.alphabet.is_determined,
        "ratio": settings.ratio,
        "file_window": layout.window,
        "file_crop": layout.crop,
        "masked_values": masked,
        "dropped_windows": {split: len(validation.dropped.get(split, ())) for split in SPLITS},
        "dropped_for": dict(validation.dropped_for),
        "scale": settings.scale,
        "has_coordinates": False,
        "assembly": "stand-in: one contig a window",
    }
