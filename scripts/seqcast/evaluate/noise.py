"""What is known of the noise of the observed tracks."""

from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.by_target import ByTarget
from seqcast.data.replicates import read_replicates
from seqcast.data.truth import read_truth
from seqcast.evaluate.metrics import find_above
from seqcast.evaluate.tracks import Tracks

# Statistics of a bin that are no sums: nothing can be taken off them.
_NO_SUMS = ("median", "max")


class Noise:
    """Noiseless rates or replicates of the evaluated bins, where the source has them.

    As those of `tracks`, targets are to be read in their order.
    """

    def __init__(
        self, dataset: Dataset, tracks: Tracks, truth: Path | None, replicates: Path | None
    ) -> None:
        self._targets, self._rates, self._replicates = dataset.targets, None, None

        def by_target(path: Path, coverage: np.ndarray) -> ByTarget:
            _check_shape(path, coverage, dataset)

            def read(group: slice) -> np.ndarray:
                """Return the coverage of some targets, (targets, bins)."""
                return np.ascontiguousarray(coverage[tracks.bins, group].T)

            return ByTarget(tracks.groups, read)

        if truth:
            self._rates = by_target(truth, read_truth(truth))
        if replicates:
            found = read_replicates(replicates)
            self._included = found.included
            self._replicates = by_target(replicates, found.coverage)

    def read(self, target: int, observed: np.ndarray) -> dict[str, Any]:
        """Return the `rate`, `replicate` and `included` of a target, as far as there are any."""
        known: dict[str, Any] = {}
        if self._rates is not None:
            known["rate"] = self._rates[target]
        if self._replicates is not None:
            replicate, included = self._replicates[target], self._included[target]
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


def _check_shape(path: Path, coverage: np.ndarray, dataset: Dataset) -> None:
    wanted = (dataset.bins, len(dataset.targets))
    if coverage.shape != wanted:
        raise SeqcastError(
            f"{path}: found {coverage.shape} bins and targets, wanted the {wanted} of"
            f" {dataset.path}; run `snakemake dataset` again"
        )
