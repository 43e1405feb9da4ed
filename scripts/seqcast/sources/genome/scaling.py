"""Scale and clip of each target, from the bins that a model trains on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings

_DIGITS = 4


class BinStatistics:
    """Running mean, largest values and share of zeros of each target, in one pass.

    Exact, though only the values that can lie above the `quantile` are kept: of `most_bins` bins
    the (1 - quantile)th part.
    """

    def __init__(self, targets: int, most_bins: int, quantile: float | None) -> None:
        share = 0 if quantile is None else 1 - quantile
        self._keep = int(np.ceil(share * most_bins)) + 2
        self._largest: list[np.ndarray] = [np.zeros(0, dtype=np.float32)] * targets
        self.bins = np.zeros(targets, dtype=np.int64)
        self.zeros = np.zeros(targets, dtype=np.int64)
        self._rest = np.zeros(targets)

    def add(self, coverage_TB: np.ndarray, targets: slice = slice(None)) -> None:
        """Add bins of some targets, (targets, bins); NaN is left out."""
        for target, values in zip(range(len(self.bins))[targets], coverage_TB, strict=True):
            values = values[~np.isnan(values)]
            self.bins[target] += values.size
            self.zeros[target] += values.size - np.count_nonzero(values)
            largest = np.concatenate([self._largest[target], values])
            if largest.size > self._keep:
                largest = np.partition(largest, -self._keep)
                self._rest[target] += largest[: -self._keep].sum(dtype=np.float64)
                largest = largest[-self._keep :]
            self._largest[target] = largest

    def make_facts(self, target: int, quantile: float | None) -> "Facts":
        """Return what is known of a target once all bins were added."""
        bins, largest = int(self.bins[target]), np.sort(self._largest[target]).astype(np.float64)
        rest = float(self._rest[target])
        mean = (rest + float(largest.sum())) / max(bins, 1)
        highest = float(largest[-1]) if largest.size else 0.0
        if quantile is None or not bins:
            return Facts(bins, mean, highest, int(self.zeros[target]), None, mean, 0)
        # numpy's linear quantile, its position counted from the largest value.
        position = largest.size - 1 - (bins - 1) * (1 - quantile)
        at = float(np.interp(position, np.arange(largest.size), largest))
        if at <= 0:
            return Facts(bins, mean, highest, int(self.zeros[target]), None, mean, 0)
        cut = (rest + float(np.minimum(largest, at).sum())) / bins
        over = int((largest > at).sum())
        return Facts(bins, mean, highest, int(self.zeros[target]), at, cut, over)


@dataclass(frozen=True)
class Facts:
    """A target over its training bins, in units of coverage.

    `quantile` is None where none was asked for, or where it is 0; `clipped_mean` is the mean of
    values cut there, and `clipped` how many are.
    """

    bins: int
    mean: float
    highest: float
    zeros: int
    quantile: float | None
    clipped_mean: float
    clipped: int


def fill_targets(settings: GenomeSettings, targets: Targets, statistics: BinStatistics) -> Targets:
    """Fill in `scale` and `clip` where the user's table has none (`nan`, None).

    `scale` brings the mean of a target to 1 over the training bins, its values cut at the
    `clip_quantile` of them; `clip` is that quantile, scaled. Targets of square roots keep scale 1,
    as have all with `dataset.scale: none`. Raises `SeqcastError` where a target has no training
    bin above 0.
    """
    facts = [statistics.make_facts(t, settings.clip_quantile) for t in range(len(targets))]
    _check_not_empty(targets, facts)
    for name, found in zip(targets.identifier, facts, strict=True):
        if settings.clip_quantile and found.quantile is None:
            log.warning(
                "%s: %s of its %s training bins are 0, so that the quantile %g is too, and it is"
                " not clipped; give it a clip in the targets table",
                name,
                f"{found.zeros:,}",
                f"{found.bins:,}",
                settings.clip_quantile,
            )
    return make_scaled(settings, targets, facts)


def make_scaled(settings: GenomeSettings, targets: Targets, facts: Sequence[Facts]) -> Targets:
    """Return the table with `scale` and `clip` where it has none, from facts alone."""
    scale = tuple(
        _compute_scale(settings, targets, t, found)
        if np.isnan(targets.scale[t])
        else targets.scale[t]
        for t, found in enumerate(facts)
    )
    unclipped = replace(targets, scale=scale, clip=(None,) * len(targets))
    highest = np.array([found.quantile or 0 for found in facts], dtype=np.float64)
    cut = unclipped.to_training(highest[None])[0]
    clip = tuple(
        float(cut[t]) if given is None and facts[t].quantile else given
        for t, given in enumerate(targets.clip)
    )
    return replace(targets, scale=scale, clip=clip)


def round_digits(value: float) -> float:
    """Round to the digits that a person would write."""
    return float(f"{value:.{_DIGITS}g}")


def _compute_scale(settings: GenomeSettings, targets: Targets, target: int, found: Facts) -> float:
    stat = targets.sum_stat[target]
    # A clip that the table gives is in Basenji's units: those after its scale, which is then 1.
    if settings.scale == "none" or stat.endswith("_sqrt") or targets.clip[target] is not None:
        return 1.0
    per_base = targets.span[target] if stat == "mean" else 1
    return per_base / found.clipped_mean if found.clipped_mean else np.nan


def _check_not_empty(targets: Targets, facts: Sequence[Facts]) -> None:
    empty = [
        name for name, found in zip(targets.identifier, facts, strict=True) if found.highest <= 0
    ]
    if empty:
        raise SeqcastError(
            f"{len(empty)} of {len(targets)} targets are 0 in every training bin:"
            f" {', '.join(empty[:5])}{' ...' if len(empty) > 5 else ''}; nothing can be learnt from"
            " them, so take them out of the targets table, or look for a wrong file"
        )
