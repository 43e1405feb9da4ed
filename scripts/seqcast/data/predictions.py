"""`predictions.h5`: predicted coverage of windows, in the units of the dataset.

The format is specified in docs/formats.md. `PredictionWriter` writes, `read_predictions` reads and
checks; `Stitch` averages what overlapping windows say of the same bin.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
from pydantic import Json, PositiveInt

from seqcast.core.chunks import ChunkedArray, ChunkWriter, open_chunked
from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset
from seqcast.data.by_target import MEMORY, cut_groups
from seqcast.data.targets import Targets
from seqcast.genome.codes import count_edge_bins
from seqcast.settings.headers import check_attributes
from seqcast.settings.section import Section

FORMAT = "seqcast-predictions"
FORMAT_VERSION = 4
# Bytes of windows that are read at a time, of all targets.
_BLOCK = 1 << 24


class _Header(Section):
    """The attributes of the file."""

    targets: Json[Targets]
    bin_size: PositiveInt
    bins: PositiveInt
    model: str
    checkpoint_digest: str
    dataset_digest: str


@dataclass(frozen=True)
class Predictions:
    """Predictions opened for reading; large arrays stay on disk until they are asked for.

    `rows` (windows,) are rows of the dataset's windows table, `folds` (windows,) the fold each was
    predicted in; `start` and `end` bound the predicted bins, in bases on the chromosome `contig`.
    `predicted` (targets, windows x bins) is float32 in units of coverage, a window's bins side by
    side, and so is `spread`, the standard deviation over replicates, where there are any.
    `control` is what is predicted of some of the windows once their sequence is shuffled.
    """

    path: Path
    rows: np.ndarray
    folds: np.ndarray
    contig: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    bins: int
    targets: Targets
    model: str
    checkpoint_digest: str
    dataset_digest: str
    predicted: ChunkedArray
    spread: ChunkedArray | None = None
    control: "Predictions | None" = None

    @property
    def has_spread(self) -> bool:
        """Say whether the predictions are a mean over replicates, with its spread."""
        return self.spread is not None

    def find_groups(self, memory: int = MEMORY) -> list[slice]:
        """Return which targets to read together: they lie so, and fit into memory."""
        return cut_groups(self.predicted.groups, 4 * len(self.rows) * self.bins, memory)

    def read(self, targets: int | slice) -> np.ndarray:
        """Return one target's predictions, (windows, bins), or several's, (targets, windows, bins).

        One takes as long to read as all of its group, of which `find_groups` tells.
        """
        return self._read_targets(self.predicted, targets)

    def read_spread(self, targets: int | slice) -> np.ndarray:
        """Return standard deviations over replicates, as `read` returns predictions."""
        if self.spread is None:
            raise ValueError(f"{self.path}: has no spread, it was predicted by one model alone")
        return self._read_targets(self.spread, targets)

    def read_window(self, number: int) -> np.ndarray:
        """Return one window's predictions, (bins, targets) float32."""
        return self.read_windows(np.array([number]))[0]

    def read_windows(self, numbers: np.ndarray, targets: slice = slice(None)) -> np.ndarray:
        """Return windows' predictions, (windows, bins, targets) float32.

        Windows that lie side by side are read in one go.
        """
        return self._read_windows(self.predicted, numbers, targets)

    def read_window_spread(self, number: int) -> np.ndarray | None:
        """Return one window's standard deviation, (bins, targets), None where there is none."""
        if self.spread is None:
            return None
        return self._read_windows(self.spread, np.array([number]))[0]

    def split_windows(self) -> Iterator[np.ndarray]:
        """Yield the numbers of all windows in turn, as many at once as are best read together."""
        return split_numbers(len(self.rows), 4 * self.bins * len(self.targets))

    def with_control(self, numbers: np.ndarray, predicted: ChunkedArray) -> "Predictions":
        """Return the same with a control, of the windows of these numbers."""
        arrays = {key: getattr(self, key)[numbers] for key in ("rows", "folds", "start", "end")}
        contig = tuple(self.contig[each] for each in numbers.tolist())
        control = replace(self, **arrays, contig=contig, predicted=predicted, spread=None)
        return replace(self, control=control)

    def _read_targets(self, array: ChunkedArray, targets: int | slice) -> np.ndarray:
        if not isinstance(targets, slice):
            return self._read_targets(array, slice(targets, targets + 1))[0]
        values = array.read(0, array.shape[1], targets)
        array.forget()
        return values.reshape(len(values), len(self.rows), self.bins)

    def _read_windows(
        self, array: ChunkedArray, numbers: np.ndarray, targets: slice = slice(None)
    ) -> np.ndarray:
        count = len(range(*targets.indices(len(self.targets))))
        values = np.empty((len(numbers), self.bins, count), dtype=np.float32)
        edges = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        for first, end in pairwise(edges):
            if first < end:
                start = int(numbers[first]) * self.bins
                found = array.read(start, start + (end - first) * self.bins, targets)
                values[first:end] = np.moveaxis(found.reshape(count, end - first, self.bins), 0, 2)
        array.forget()
        return values


def split_numbers(count: int, size: int) -> Iterator[np.ndarray]:
    """Yield the numbers of so many windows in turn, as many at once as fit at `size` bytes each."""
    step = max(1, _BLOCK // size)
    for first in range(0, count, step):
        yield np.arange(first, min(first + step, count))


class PredictionWriter(Draft):
    """Write predictions batch by batch; the file gets its name only when it is whole.

    With `spread` each batch comes with its standard deviation over replicates. `folds` (windows,)
    says which fold each window was predicted in; by default that of the dataset. `control` has the
    numbers, among `rows`, of the windows that a control is predicted of.
    """

    def __init__(
        self,
        path: str | Path,
        dataset: Dataset,
        rows: np.ndarray,
        *,
        model: str,
        checkpoint_digest: str,
        spread: bool = False,
        folds: np.ndarray | None = None,
        control: np.ndarray | None = None,
    ) -> None:
        targets, bins = len(dataset.targets), dataset.output_bins
        names = ("predicted", "spread") if spread else ("predicted",)
        numbers = np.zeros(0, dtype=np.int64) if control is None else control
        super().__init__(path, 4 * targets * bins * (len(names) * len(rows) + len(numbers)))
        self._arrays = [ChunkWriter(self._file, each, targets, len(rows) * bins) for each in names]
        self._file["control/place"] = numbers
        self._control = ChunkWriter(self._file, "control/predicted", targets, len(numbers) * bins)
        self._write_intervals(dataset, rows, dataset.fold if folds is None else folds)
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            targets=dataset.targets.to_json(),
            bin_size=dataset.bin_size,
            bins=dataset.output_bins,
            model=model,
            checkpoint_digest=checkpoint_digest,
            dataset_digest=dataset.digest,
        )
        self._windows, self._written = len(rows), 0

    def _write_intervals(self, dataset: Dataset, rows: np.ndarray, folds: np.ndarray | int) -> None:
        names, start, end = dataset.intervals_of(rows)
        self._file["windows/row"] = rows
        self._file["windows/fold"] = np.broadcast_to(folds, len(rows)).astype(np.int64)
        self._file["windows/contig"] = np.array(names, dtype=h5py.string_dtype())
        self._file["windows/start"], self._file["windows/end"] = start, end

    def add(self, predicted_NBT: np.ndarray, spread_NBT: np.ndarray | None = None) -> None:
        """Add the next windows' coverage, (windows, bins, targets), and its spread."""
        batch = [predicted_NBT] if spread_NBT is None else [predicted_NBT, spread_NBT]
        for array, values in zip(self._arrays, batch, strict=True):
            array.add(values.reshape(-1, values.shape[-1]).T)
        self._written += len(predicted_NBT)

    def add_control(self, predicted_NBT: np.ndarray) -> None:
        """Add what is predicted of the next windows of the control, (windows, bins, targets)."""
        self._control.add(predicted_NBT.reshape(-1, predicted_NBT.shape[-1]).T)

    def finish(self) -> None:
        """Give the file its name."""
        if self._written != self._windows:
            raise ValueError(f"{self._written} windows were added of {self._windows}")
        for array in (*self._arrays, self._control):
            array.finish()
        self._keep()


def read_predictions(path: str | Path, dataset: Dataset | None = None) -> Predictions:
    """Open predictions; given a dataset, refuse those that were made from another."""
    path = Path(path)
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        header = check_attributes(_Header, file.attrs, path, AGAIN)
        windows = len(file["windows/row"])
        if file["predicted"].shape != (len(header.targets), windows * header.bins):
            raise SeqcastError(
                f"{path}: /predicted has shape {file['predicted'].shape}, wanted"
                f" {len(header.targets):,} targets and {windows:,} windows of {header.bins:,} bins;"
                f" {AGAIN}"
            )
        predictions = Predictions(
            path=path,
            rows=file["windows/row"][()],
            folds=file["windows/fold"][()],
            contig=tuple(file["windows/contig"].asstr()[()].tolist()),
            start=file["windows/start"][()],
            end=file["windows/end"][()],
            bins=header.bins,
            targets=header.targets,
            model=header.model,
            checkpoint_digest=header.checkpoint_digest,
            dataset_digest=header.dataset_digest,
            predicted=open_chunked(path, file["predicted"]),
            spread=open_chunked(path, file["spread"]) if "spread" in file else None,
        )
        if len(numbers := file["control/place"][()]):
            shuffled = open_chunked(path, file["control/predicted"])
            predictions = predictions.with_control(numbers, shuffled)
    if dataset is not None and predictions.dataset_digest != dataset.digest:
        raise SeqcastError(
            f"{path}: was predicted from a dataset with digest {predictions.dataset_digest[:12]},"
            f" but {dataset.path} has {dataset.digest[:12]}; run `snakemake predict` again"
        )
    return predictions


class Stitch:
    """Average overlapping windows, so that each bin of the genome counts once.

    Near its ends a window's word counts only where no other window has those bins further inside.
    `bins` are the numbers of the dataset's bins that any window predicts, ascending. With `numbers`
    the predictions have no other windows than these.
    """

    def __init__(
        self, predictions: Predictions, dataset: Dataset, numbers: np.ndarray | None = None
    ) -> None:
        rows = predictions.rows if numbers is None else predictions.rows[numbers]
        first = dataset.first_bin_of(rows)
        self._bins_NB = first[:, None] + np.arange(predictions.bins)
        edge = count_edge_bins(predictions.bins)
        inner = np.zeros(self._bins_NB.shape, dtype=bool)
        inner[:, edge : predictions.bins - edge] = True
        size = int(self._bins_NB.max(initial=-1)) + 1
        has_inner = np.bincount(self._bins_NB[inner], minlength=size) > 0
        self._counts_NB = inner | ~has_inner[self._bins_NB]
        count = np.bincount(self._bins_NB[self._counts_NB], minlength=size)
        self.bins = np.flatnonzero(count)
        self._count = count[self.bins]

    def cut(self, values: np.ndarray) -> np.ndarray:
        """Return what each window has of values of `bins`, (windows, bins)."""
        return values[np.searchsorted(self.bins, self._bins_NB)]

    def average(self, values_NB: np.ndarray) -> np.ndarray:
        """Average (windows, bins) of one target to one value a bin of `bins`, float64."""
        kept = self._counts_NB
        total = np.bincount(self._bins_NB[kept], values_NB[kept], minlength=len(self._count))
        return total[self.bins] / self._count
