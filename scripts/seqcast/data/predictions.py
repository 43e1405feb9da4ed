"""`predictions.h5`: predicted coverage of windows, in the units of the dataset.

The format is specified in docs/formats.md. `PredictionWriter` writes, `read_predictions` reads and
checks; `Stitch` averages what overlapping windows say of the same bin.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from pydantic import Json, PositiveInt

from seqcast.core.errors import SeqcastError
from seqcast.core.hdf5 import Draft, open_hdf5, read_mapped
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset
from seqcast.data.targets import Targets
from seqcast.genome.codes import find_edge
from seqcast.settings.headers import check_attributes
from seqcast.settings.section import Section

FORMAT = "seqcast-predictions"
FORMAT_VERSION = 3


class _Header(Section):
    """The attributes of the file."""

    targets: Json[Targets]
    bin_size: PositiveInt
    model: str
    checkpoint_digest: str
    dataset_digest: str


@dataclass(frozen=True)
class Predictions:
    """Predictions opened for reading; large arrays stay on disk until they are asked for.

    `rows` (windows,) are rows of the dataset's windows table, `folds` (windows,) the fold each was
    predicted in; `start` and `end` bound the predicted bins, in bases on the chromosome `contig`.
    `predicted` (windows, bins, targets) is float32 in units of coverage, and so is `spread`, the
    standard deviation over replicates, where there are any.
    """

    path: Path
    rows: np.ndarray
    folds: np.ndarray
    contig: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    targets: Targets
    model: str
    checkpoint_digest: str
    dataset_digest: str
    predicted: np.ndarray
    spread: np.ndarray | None = None

    @property
    def bins(self) -> int:
        """Bins per window."""
        return self.predicted.shape[1]

    @property
    def has_spread(self) -> bool:
        """Say whether the predictions are a mean over replicates, with its spread."""
        return self.spread is not None

    def read(self, target: int) -> np.ndarray:
        """Return one target's predictions, (windows, bins) float32."""
        return np.array(self.predicted[:, :, target])

    def read_spread(self, target: int) -> np.ndarray:
        """Return one target's standard deviation over replicates, (windows, bins) float32."""
        if self.spread is None:
            raise ValueError(f"{self.path}: has no spread, it was predicted by one model alone")
        return np.array(self.spread[:, :, target])

    def read_window(self, place: int) -> np.ndarray:
        """Return one window's predictions, (bins, targets) float32."""
        return np.array(self.predicted[place])


class PredictionWriter(Draft):
    """Write predictions batch by batch; the file gets its name only when it is whole.

    With `spread` each batch comes with its standard deviation over replicates. `folds` (windows,)
    says which fold each window was predicted in; by default that of the dataset.
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
    ) -> None:
        shape = (len(rows), dataset.output_bins, len(dataset.targets))
        names = ("predicted", "spread") if spread else ("predicted",)
        super().__init__(path, 4 * math.prod(shape) * len(names))
        self._arrays = [self._file.create_dataset(name, shape, np.float32) for name in names]
        self._write_places(dataset, rows, dataset.fold if folds is None else folds)
        self._file.attrs.update(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            targets=dataset.targets.to_json(),
            bin_size=dataset.bin_size,
            model=model,
            checkpoint_digest=checkpoint_digest,
            dataset_digest=dataset.digest,
        )
        self._written = 0

    def _write_places(self, dataset: Dataset, rows: np.ndarray, folds: np.ndarray | int) -> None:
        names, start, end = dataset.find_places(rows)
        self._file["windows/row"] = rows
        self._file["windows/fold"] = np.broadcast_to(folds, len(rows)).astype(np.int64)
        self._file["windows/contig"] = np.array(names, dtype=h5py.string_dtype())
        self._file["windows/start"], self._file["windows/end"] = start, end

    def add(self, predicted_NBT: np.ndarray, spread_NBT: np.ndarray | None = None) -> None:
        """Add the next windows' coverage, (windows, bins, targets), and its spread."""
        batch = [predicted_NBT] if spread_NBT is None else [predicted_NBT, spread_NBT]
        for array, values in zip(self._arrays, batch, strict=True):
            array[self._written : self._written + len(values)] = values
        self._written += len(predicted_NBT)

    def finish(self) -> None:
        """Give the file its name."""
        if self._written != len(self._arrays[0]):
            raise ValueError(f"{self._written} windows were added of {len(self._arrays[0])}")
        self._keep()


def read_predictions(path: str | Path, dataset: Dataset | None = None) -> Predictions:
    """Open predictions; given a dataset, refuse those that were made from another."""
    path = Path(path)
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), AGAIN) as file:
        header = check_attributes(_Header, file.attrs, path, AGAIN)
        shape = (len(file["windows/row"]), len(header.targets))
        if file["predicted"].shape[::2] != shape:
            raise SeqcastError(
                f"{path}: /predicted has shape {file['predicted'].shape}, wanted {shape[0]:,}"
                f" windows and {shape[1]:,} targets; {AGAIN}"
            )
        predictions = Predictions(
            path=path,
            rows=file["windows/row"][()],
            folds=file["windows/fold"][()],
            contig=tuple(file["windows/contig"].asstr()[()].tolist()),
            start=file["windows/start"][()],
            end=file["windows/end"][()],
            targets=header.targets,
            model=header.model,
            checkpoint_digest=header.checkpoint_digest,
            dataset_digest=header.dataset_digest,
            predicted=read_mapped(path, file["predicted"]),
            spread=read_mapped(path, file["spread"]) if "spread" in file else None,
        )
    if dataset is not None and predictions.dataset_digest != dataset.digest:
        raise SeqcastError(
            f"{path}: was predicted from a dataset with digest {predictions.dataset_digest[:12]},"
            f" but {dataset.path} has {dataset.digest[:12]}; run `snakemake predict` again"
        )
    return predictions


class Stitch:
    """Average overlapping windows, so that each bin of the genome counts once.

    Near its ends a window's word counts only where no other window has those bins further inside.
    `bins` are the numbers of the dataset's bins that any window predicts, ascending.
    """

    def __init__(self, predictions: Predictions, dataset: Dataset) -> None:
        first = dataset.first_bin_of(predictions.rows)
        self._bins_NB = first[:, None] + np.arange(predictions.bins)
        edge = find_edge(predictions.bins)
        inner = np.zeros(self._bins_NB.shape, dtype=bool)
        inner[:, edge : predictions.bins - edge] = True
        size = int(self._bins_NB.max(initial=-1)) + 1
        has_inner = np.bincount(self._bins_NB[inner], minlength=size) > 0
        self._counts_NB = inner | ~has_inner[self._bins_NB]
        count = np.bincount(self._bins_NB[self._counts_NB], minlength=size)
        self.bins = np.flatnonzero(count)
        self._count = count[self.bins]

    def average(self, values_NB: np.ndarray) -> np.ndarray:
        """Average (windows, bins) of one target to one value a bin of `bins`, float64."""
        kept = self._counts_NB
        total = np.bincount(self._bins_NB[kept], values_NB[kept], minlength=len(self._count))
        return total[self.bins] / self._count
