"""`predictions.h5`: predicted coverage of windows, in the units of the input.

The format is specified in docs/formats.md. `PredictionWriter` writes, `read_predictions` reads and
checks; `Stitch` averages what overlapping windows say of the same bin.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from seqcast.dataset import Dataset
from seqcast.disk import make_room
from seqcast.errors import SeqcastError
from seqcast.targets import Targets

FORMAT = "seqcast-predictions"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Predictions:
    """Predictions on disk; `read` brings one target's into memory.

    `rows` (windows,) are rows of the dataset's windows table; `start` and `end` bound the
    predicted bins, in bases on `contig`.
    """

    path: Path
    rows: np.ndarray
    contig: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    targets: Targets
    bins: int
    model: str
    checkpoint_digest: str
    dataset_digest: str

    def read(self, target: int) -> np.ndarray:
        """Return one target's predictions, (windows, bins) float32."""
        with h5py.File(self.path, "r") as file:
            return file["predicted"][:, :, target]

    def read_window(self, place: int) -> np.ndarray:
        """Return one window's predictions, (bins, targets) float32."""
        with h5py.File(self.path, "r") as file:
            return file["predicted"][place]


class PredictionWriter:
    """Write predictions batch by batch; the file gets its name only when it is whole."""

    def __init__(
        self,
        path: str | Path,
        dataset: Dataset,
        rows: np.ndarray,
        *,
        model: str,
        checkpoint_digest: str,
    ) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(self.path.name + ".partial")
        shape = (len(rows), dataset.output_bins, len(dataset.targets))
        make_room(self._partial, 4 * math.prod(shape))
        self._file = h5py.File(self._partial, "w")
        windows, margin = dataset.windows[rows], dataset.crop * dataset.bin_size
        self._predicted = self._file.create_dataset("predicted", shape, dtype=np.float32)
        names = [dataset.contigs.name[index] for index in windows["contig"]]
        self._file["windows/row"] = rows
        self._file["windows/contig"] = np.array(names, dtype=h5py.string_dtype())
        self._file["windows/start"] = windows["start"] + margin
        self._file["windows/end"] = windows["end"] - margin
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

    def add(self, predicted_NBT: np.ndarray) -> None:
        """Add the next windows' coverage, (windows, bins, targets), in the input's units."""
        self._predicted[self._written : self._written + len(predicted_NBT)] = predicted_NBT
        self._written += len(predicted_NBT)

    def finish(self) -> None:
        """Give the file its name."""
        if self._written != len(self._predicted):
            raise ValueError(f"{self._written} windows were added of {len(self._predicted)}")
        self._file.close()
        os.replace(self._partial, self.path)

    def __enter__(self) -> "PredictionWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


def read_predictions(path: str | Path, dataset: Dataset | None = None) -> Predictions:
    """Open predictions; given a dataset, refuse those that were made from another."""
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            found = (file.attrs.get("format"), file.attrs.get("format_version"))
            if found != (FORMAT, FORMAT_VERSION):
                raise SeqcastError(
                    f"{path}: found format {found[0]!r} version {found[1]}, wanted {FORMAT!r}"
                    f" version {FORMAT_VERSION}; delete the file and run `snakemake predict`"
                )
            predictions = Predictions(
                path=path,
                rows=file["windows/row"][()],
                contig=tuple(file["windows/contig"].asstr()[()].tolist()),
                start=file["windows/start"][()],
                end=file["windows/end"][()],
                targets=Targets.from_json(file.attrs["targets"]),
                bins=file["predicted"].shape[1],
                model=file.attrs["model"],
                checkpoint_digest=file.attrs["checkpoint_digest"],
                dataset_digest=file.attrs["dataset_digest"],
            )
    except OSError as error:
        raise SeqcastError(f"{path}: cannot be read as HDF5 ({error})") from None
    except KeyError as error:
        raise SeqcastError(f"{path}: is not whole ({error}); run `snakemake predict`") from None
    if dataset is not None and predictions.dataset_digest != dataset.digest:
        raise SeqcastError(
            f"{path}: was predicted from a dataset with digest {predictions.dataset_digest[:12]},"
            f" but {dataset.path} has {dataset.digest[:12]}; run `snakemake predict` again"
        )
    return predictions


class Stitch:
    """Average overlapping windows, so that each bin of the genome counts once.

    `bins` are the rows of the dataset's coverage that any window predicts, ascending.
    """

    def __init__(self, predictions: Predictions, dataset: Dataset) -> None:
        first = dataset.first_bin_of(predictions.rows)
        rows_NB = first[:, None] + np.arange(predictions.bins)
        self.bins, self._place = np.unique(rows_NB, return_inverse=True)
        self._place = self._place.reshape(-1)
        self._count = np.bincount(self._place, minlength=self.bins.size)

    def average(self, predicted_NB: np.ndarray) -> np.ndarray:
        """Average (windows, bins) of one target to one value a bin of `bins`, float64."""
        total = np.bincount(self._place, predicted_NB.reshape(-1), minlength=self.bins.size)
        return total / self._count
