"""Scale and clip of each target, from the bins that a model trains on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings

_DIGITS = 4


class BinStatistics:
    """Running mean, largest values and share of zeros of each target, in one pass.

    Exact, though only the values that can lie above the `quantile` are kept: of `most_bins` bins
    the (1 - quantile)th part. Any thread may `look_at` some bins; what it saw is then added, in the
    order of the bins.
    """

    def __init__(self, targets: int, most_bins: int, quantile: float | None) -> None:
        share = 0 if quantile is None else 1 - quantile
        self._keep = int(np.ceil(share * most_bins)) + 2
        self._seen = [Seen(0, 0, 0.0, np.zeros(0, dtype=np.float32))] * targets

    def look_at(self, coverage_TB: np.ndarray) -> "list[Seen]":
        """Return what bins of some targets hold, (targets, bins); NaN is left out."""
        seen = []
        for values in coverage_TB:
            bins = int(np.count_nonzero(~np.isnan(values)))
            # Among many that are equal, as 0 is, numpy takes ten times as long to find the largest.
            values = values[values > 0]
            seen.append(self._cut(Seen(bins, bins - values.size, 0.0, values)))
        return seen

    def add(self, seen: "Sequence[Seen]", targets: slice = slice(None)) -> None:
        """Add what the next bins of some targets hold."""
        for target, new in zip(range(len(self._seen))[targets], seen, strict=True):
            old = self._seen[target]
            largest = np.concatenate([old.largest, new.largest])
            both = Seen(old.bins + new.bins, old.zeros + new.zeros, old.rest + new.rest, largest)
            self._seen[target] = self._cut(both)

    def _cut(self, seen: "Seen") -> "Seen":
        """Keep the largest values only."""
        if seen.largest.size <= self._keep:
            return seen
        parted = np.partition(seen.largest, -self._keep)
        rest = seen.rest + float(parted[: -self._keep].sum(dtype=np.float64))
        return seen._replace(rest=rest, largest=parted[-self._keep :].copy())

    def make_facts(self, target: int, quantile: float | None) -> "Facts":
        """Return what is known of a target once all bins were added."""
        bins, zeros, rest, largest = self._seen[target]
        largest = np.sort(np.append(largest, 0).astype(np.float64))
        mean = (rest + float(largest.sum())) / max(bins, 1)
        highest = float(largest[-1])
        if quantile is None or not bins:
            return Facts(bins, mean, highest, zeros, None, mean, 0)
        # numpy's linear quantile, its position counted from the largest value; below all is 0.
        position = largest.size - 1 - (bins - 1) * (1 - quantile)
        at = float(np.interp(position, np.arange(largest.size), largest))
        if at <= 0:
            return Facts(bins, mean, highest, zeros, None, mean, 0)
        cut = (rest + float(np.minimum(largest, at).sum())) / bins
        over = int((largest > at).sum())
        return Facts(bins, mean, highest, zeros, at, cut, over)


class Seen(NamedTuple):
    """Bins of a target: how many, how many are 0, the largest above 0, and the sum of the rest."""

    bins: int
    zeros: int
    rest: float
    largest: np.ndarray


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
