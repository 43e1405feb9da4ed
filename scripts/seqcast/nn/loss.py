"""The training loss, the one place that knows which it is."""

import torch
from torch import Tensor


def loss_sums(log_rate: Tensor, coverage: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss summed over all known values, and how many there are.

    It is the chapter's. That of a value t at log rate x is exp(x) - t x - (t - t log t), with
    0 log 0 = 0 and the natural logarithm: half the Poisson deviance. Both tensors have the
    same shape; where `coverage` is NaN nothing is known and nothing counts.
    """
    unknown = torch.isnan(coverage)
    t = coverage.masked_fill(unknown, 0)
    # Where nothing is known exp(x) may overflow, and 0 times infinity would be a NaN gradient.
    x = log_rate.masked_fill(unknown, 0)
    loss = x.exp() - t * x - (t - torch.xlogy(t, t))
    return loss.masked_fill(unknown, 0).sum(), unknown.numel() - unknown.sum()


def mean_loss(log_rate: Tensor, coverage: Tensor) -> Tensor:
    """Return the mean of `loss_sums` over all known values."""
    total, count = loss_sums(log_rate, coverage)
    return total / count.clamp(min=1)
