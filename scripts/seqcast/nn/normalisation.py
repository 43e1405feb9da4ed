"""Batch normalisation over the whole batch, wherever its windows are computed."""

from typing import Any

import torch
from torch import Tensor, distributed, nn


class BatchNorm(nn.BatchNorm2d):
    """Normalise each channel by its mean and variance in the batch.

    Where several processes share a batch (`is_shared`), these are of all of it: torch's own layer
    for that takes GPUs only.
    """

    is_shared = False

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, L) to the same shape; B may be 0 where other processes have more."""
        if not self.training or not self.is_shared:
            return super().forward(x)
        # In 32 bits or more, and the variance of what is centred already: little is lost.
        h = x.to(torch.promote_types(x.dtype, torch.float32))
        count = _Total.apply(h.new_tensor(float(h.numel() // h.shape[1])))
        mean = _Total.apply(h.sum((0, 2, 3))) / count
        centred = h - mean[:, None, None]
        variance = _Total.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1).clamp(min=1)), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def share_statistics(network: nn.Module) -> None:
    """Take means and variances over the batches of all processes from now on."""
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.is_shared = True


class _Total(torch.autograd.Function):
    """Sum over processes; the gradient of what each of them makes of the sum is summed as well."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        """Return the sum over processes."""
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        """Return the sum of the gradients over processes."""
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total
