"""What a validation comes to: the loss, and the targets that are predicted alike everywhere.

A network may collapse, for all targets or for one: whatever the sequence, it says the same. Its
loss still looks like one, so it has to be looked for.

B windows, N bins, T targets.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from seqcast.nn.loss import loss_sums

# Predictions that vary by less, of coverage that varies by more, are taken for constant: both are
# standard deviations as a share of the mean, which the units of a target do not change.
_LEAST_PREDICTED, _LEAST_OBSERVED = 0.05, 0.5


class Validation(NamedTuple):
    """The mean loss over all known values, and the numbers of the targets predicted alike."""

    loss: float
    constant: tuple[int, ...] = ()


def start_sums(targets: int, device: torch.device) -> Tensor:
    """Return the sums of no window, to add to; see `sum_batch`."""
    return torch.zeros(2 + 5 * targets, dtype=torch.float64, device=device)


def sum_batch(log_rate_BNT: Tensor, coverage_BNT: Tensor) -> Tensor:
    """Return sums over the known values of some windows; those of all windows add up.

    They are the loss and how many values it is of, then for each target how many it has, its log
    rates, their squares, its coverage and the squares of that: (2 + 5 T,) float64.
    """
    loss = torch.stack([each.double() for each in loss_sums(log_rate_BNT, coverage_BNT)])
    known = ~torch.isnan(coverage_BNT)
    x, t = (each.masked_fill(~known, 0) for each in (log_rate_BNT, coverage_BNT))
    sums = [each.sum((0, 1), dtype=torch.float64) for each in (known, x, x * x, t, t * t)]
    return torch.cat([loss, *sums])


def read_sums(sums: Tensor) -> Validation:
    """Return what the sums of all validation windows say.

    The standard deviation of log rates is about that of rates as a share of their mean.
    """
    loss, values, *_ = sums.tolist()
    count, *totals = sums[2:].view(5, -1)
    x, x_square, t, t_square = (each / count.clamp(min=1) for each in totals)
    predicted = (x_square - x**2).clamp(min=0).sqrt()
    observed = (t_square - t**2).clamp(min=0).sqrt() / t
    constant = (predicted < _LEAST_PREDICTED) & (observed > _LEAST_OBSERVED)
    return Validation(loss / max(values, 1), tuple(constant.nonzero().flatten().tolist()))
