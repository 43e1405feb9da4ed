"""From a Basenji-style HDF5 file to `dataset.h5`.

The file has no coordinates. Where its windows were found in a genome, those that overlap are put
together to pieces of chromosomes; otherwise each becomes a contig of its own, in a stand-in
assembly.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.core.reading_ahead import read_ahead
from seqcast.data import (
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    DatasetWriter,
    Piece,
    PieceWriter,
    make_windows,
)
from seqcast.data.targets import Targets
from seqcast.genome.codes import tile
from seqcast.settings import BasenjiSettings
from seqcast.sources.base_order import make_table
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, open_hdf5, read_rows
from seqcast.sources.basenji.layout import Layout, read_layout
from seqcast.sources.basenji.placing import (
    Places,
    Position,
    Window,
    check_places,
    drop_overlapping,
    join_windows,
    turn,
)
from seqcast.sources.basenji.scan import is_good
from seqcast.sources.findings import Validation


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
    settings: BasenjiSettings,
    source: Path,
    validation: Validation,
    output: Path,
    places: Places | None = None,
) -> None:
    """Write the dataset of a validated file.

    Bases come out in the order ACGT; coverage stays as stored, NaN where it is masked or the
    targets do not reach. With `scale: mean` the targets' scale is 1 / train mean. With `places`
    windows lie where they are in the genome, read from its plus strand. Raises `SeqcastError`
    where the file was refused, or is another than was validated.
    """
    validation.raise_if_refused()
    if validation.head is not None:
        raise ValueError("only the head of the file was validated")
    _check_unchanged(Path(source), validation)
    with open_hdf5(Path(source)) as file:
        layout = read_layout(file, settings)
        rows = _find_kept(layout, validation)
        if places:
            rows = drop_overlapping(settings, rows, places, layout.window)
        kept = [(split, row) for split in SPLITS for row in rows[split]]
        if places:
            check_places(settings, kept, places, layout.targets)
        pieces, positions = _lay_out(layout, kept, places)
        windows, crop = _make_windows(settings, layout, positions)
        targets = Targets.from_names(layout.targets, units="stored values")
        if settings.strand_pair is not None:
            targets = _pair_strands(targets, settings.strand_pair)
        contigs = Contigs.from_pieces(pieces, layout.bin_size)
        # Windows without a place are contigs of their own, in the order they are read in.
        make_writer = PieceWriter if places else DatasetWriter
        with make_writer(
            output, contigs=contigs, targets=targets, bin_size=layout.bin_size, crop=crop
        ) as writer:
            order = places.order if places else _order_of(validation)
            sums = _copy(file, layout, positions, make_table(order), writer)
            if settings.scale == "mean":
                targets = replace(targets, scale=_make_scale(layout, sums))
            writer.finish(
                windows, _describe(settings, layout, validation, places, positions), targets
            )
    counts = ", ".join(
        f"{(windows['split'] == number).sum():,} {split}" for number, split in enumerate(SPLITS)
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


def _lay_out(
    layout: Layout, kept: Sequence[Window], places: Places | None
) -> tuple[list[Piece], dict[Window, Position]]:
    """Return the dataset's contigs, and where each window lies in them.

    Without places each window is a contig, named with as many digits as its split needs, four at
    least.
    """
    if places:
        return join_windows(kept, places, layout.window, layout.bin_size)
    pieces, positions = [], {}
    for split, row in kept:
        digits = max(4, len(str(layout.windows[split] - 1)))
        name = f"{split}_{row:0{digits}d}"
        positions[split, row] = Position(len(pieces), 0, False)
        pieces.append(Piece(name, layout.window, name, 0, layout.window))
    return pieces, positions


def _make_windows(
    settings: BasenjiSettings, layout: Layout, positions: Mapping[Window, Position]
) -> tuple[np.ndarray, int]:
    """Return the windows table and its crop: one window of the file each, or several shorter ones.

    Shorter windows lie side by side in the part that the targets cover, so they need no crop.
    """
    window = layout.window
    crop = layout.crop
    starts = np.zeros(1, dtype=np.int64)
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
    turned = layout.window - window - starts
    tables = [
        make_windows(
            np.full(len(starts), position.contig),
            position.start + (turned if position.is_turned else starts),
            window,
            split,
        )
        for (split, _), position in positions.items()
    ]
    # Overlapping windows of a file, put in their places, may hold the same shorter one twice.
    _, firsts = np.unique(np.concatenate(tables, dtype=WINDOW_DTYPE), return_index=True)
    return np.concatenate(tables, dtype=WINDOW_DTYPE)[np.sort(firsts)], crop


def _copy(
    file: h5py.File,
    layout: Layout,
    positions: Mapping[Window, Position],
    table: np.ndarray,
    writer: DatasetWriter,
) -> _Sums:
    """Copy the kept windows; return the sums of the train ones."""
    sums = _Sums(np.zeros(len(layout.targets)), np.zeros(len(layout.targets), dtype=np.int64))
    differing, pairs = 0, writer.targets.strand_pair
    with progress(len(positions), "dataset", "window") as bar:
        for window, rows_L4, values_BT in read_ahead(_read_windows(file, layout, positions)):
            position = positions[window]
            codes = codes_from_one_hot(rows_L4, table)
            coverage_BT = _make_coverage(layout, values_BT)
            if position.is_turned:
                codes, coverage_BT = turn(codes, coverage_BT, pairs)
            if isinstance(writer, PieceWriter):
                differing += writer.add_window(position.contig, position.start, codes, coverage_BT)
            else:
                writer.add_contig(codes, coverage_BT)
            if window[0] == "train":
                sums.add(coverage_BT)
            bar.update(1)
    if differing:
        log.warning(
            "%s values of coverage differ between windows that overlap; the first read is kept",
            f"{differing:,}",
        )
    return sums


def _read_windows(
    file: h5py.File, layout: Layout, kept: Container[Window]
) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
    """Yield sequence and targets of the kept windows, in the file's order."""
    for split in SPLITS:
        inputs = read_rows(file[f"{split}_in"], layout.windows[split])
        outputs = read_rows(file[f"{split}_out"], layout.windows[split])
        for (row, rows_L4), (_, values_BT) in zip(inputs, outputs, strict=True):
            if (split, row) in kept:
                yield (split, row), rows_L4, values_BT


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


def _order_of(validation: Validation) -> str:
    if validation.alphabet is None:
        raise ValueError("the validation has no order of the bases")
    return validation.alphabet.order


def _describe(
    settings: BasenjiSettings,
    layout: Layout,
    validation: Validation,
    places: Places | None,
    positions: Mapping[Window, Position],
) -> dict[str, Any]:
    """Say where a dataset came from and what was done to it."""
    masked = sum(target.bad for target in validation.targets) if settings.on_bad == "mask" else 0
    return {
        "kind": "basenji_h5",
        "file": Path(validation.file).name,
        "sha256": validation.sha256,
        "alphabet": places.order if places else _order_of(validation),
        "alphabet_is_determined": bool(places) or validation.alphabet.is_determined,
        "ratio": settings.ratio,
        "file_window": layout.window,
        "file_crop": layout.crop,
        "masked_values": masked,
        "dropped_windows": {split: len(validation.dropped.get(split, ())) for split in SPLITS},
        "dropped_for": dict(validation.dropped_for),
        "scale": settings.scale,
        "has_coordinates": bool(places),
        "assembly": places.assembly if places else "stand-in: one contig a window",
        "unplaced_windows": sum(window not in places.found for window in positions)
        if places
        else None,
    }
