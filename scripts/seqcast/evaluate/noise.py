"""What is known of the noise of the observed tracks."""

from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.reference import read_reference
from seqcast.evaluate.metrics import find_above

# Statistics of a bin that are no sums: nothing can be taken off them.
_NO_SUMS = ("median", "max")


class Noise:
    """Noiseless rates or replicates of the evaluated bins, where the source has them."""

    def __init__(
        self, dataset: Dataset, bins: np.ndarray, truth: Path | None, replicates: Path | None
    ) -> None:
        self._targets = dataset.targets
        self._rates = _Evaluated(truth, dataset, bins) if truth else None
        self._replicates = _Evaluated(replicates, dataset, bins) if replicates else None

    def read(self, target: int, observed: np.ndarray) -> dict[str, Any]:
        """Return the `rate`, `replicate` and `included` of a target, as far as there are any."""
        known: dict[str, Any] = {}
        if self._rates is not None:
            known["rate"] = self._rates.read(target)
        if self._replicates is not None:
            replicate = self._replicates.read(target)
            included = self._replicates.included[target]
            if self._is_usable(target, observed, replicate, included):
                known |= {"replicate": replicate, "included": included}
        return known

    def _is_usable(
        self, target: int, observed: np.ndarray, replicate: np.ndarray, included: bool
    ) -> bool:
        """Say whether a replicate can be taken off the track, where it is in it."""
        name, statistic = self._targets.identifier[target], self._targets.sum_stat[target]
        if not included:
            return True
        if statistic in _NO_SUMS:
            log.warning(
                "%s: no noise ceiling: bins hold the %s of their bases, of which an included"
                " replicate cannot be taken off; name one that the track does not hold",
                name,
                statistic,
            )
            return False
        if above := len(find_above(observed, replicate)):
            log.warning(
                "%s: in %d of %d bins the replicate is above the track that should hold it; the"
                " difference is taken as 0. Where there are many, replicate_included is wrong",
                name,
                above,
                np.count_nonzero(~np.isnan(replicate)),
            )
        return True


class _Evaluated:
    """Values of the evaluated bins, target by target; those that lie together are read once."""

    def __init__(self, path: Path, dataset: Dataset, bins: np.ndarray) -> None:
        reference = read_reference(path)
        wanted = (len(dataset.targets), dataset.bins)
        if reference.coverage.shape != wanted:
            raise SeqcastError(
                f"{path}: found {reference.coverage.shape} targets and bins, wanted the {wanted} of"
                f" {dataset.path}; run `snakemake dataset` again"
            )
        self.included = reference.included
        self._coverage, self._bins = reference.coverage, bins
        self._targets, self._values = range(0), np.zeros((0, len(bins)), np.float32)

    def read(self, target: int) -> np.ndarray:
        """Return the values of a target, (bins,) float32."""
        if target not in self._targets:
            rows = next(rows for rows in self._coverage.groups if target < rows.stop)
            self._targets = range(rows.start, rows.stop)
            self._values = np.empty((len(self._targets), len(self._bins)), np.float32)
            for here, values in self._coverage.read_bins(self._bins, rows):
                self._values[:, here] = values[:, :, 0]
        return self._values[target - self._targets.start]
