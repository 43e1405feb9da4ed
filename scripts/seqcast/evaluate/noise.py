"""What is known of the noise of the observed tracks."""

from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.by_target import ByTarget
from seqcast.data.reference import Reference, read_reference
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
        self._targets, self._tracks = dataset.targets, tracks
        self._rates = self._by_target(_open(truth, dataset)) if truth else None
        self._replicates = None
        if replicates:
            found = _open(replicates, dataset)
            self._replicates, self._included = self._by_target(found), found.included

    def _by_target(self, reference: Reference) -> ByTarget:
        bins = self._tracks.bins

        def read(group: slice) -> np.ndarray:
            """Return the values of some targets, (targets, bins)."""
            values = np.empty((group.stop - group.start, len(bins)), np.float32)
            for here, found in reference.coverage.read_bins(bins, group):
                values[:, here] = found[:, :, 0]
            return values

        return ByTarget(self._tracks.groups, read)

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


def _open(path: Path, dataset: Dataset) -> Reference:
    """Open rates or replicates; raise `SeqcastError` where they are not of the dataset's bins."""
    reference = read_reference(path)
    wanted = (len(dataset.targets), dataset.bins)
    if reference.coverage.shape != wanted:
        raise SeqcastError(
            f"{path}: found {reference.coverage.shape} targets and bins, wanted the {wanted} of"
            f" {dataset.path}; run `snakemake dataset` again"
        )
    return reference
