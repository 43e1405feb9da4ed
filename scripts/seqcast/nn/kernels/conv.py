"""Convolutions of the pooled network: the first looks letters up, all have other gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.nn.kernels.products import Kernel, add_input_gradient, make_weight_gradient
from seqcast.nn.kernels.sequence import choose_dtype, convolve_sequence
from seqcast.nn.pooled import Conv


class FastConv(Conv):
    """`pooled.Conv`; in training on a CPU its gradients are matrix products."""

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, channels, 1, L), or letters (B, 1, 1, L) as uint8, to (B, out, 1, L)."""
        if h.dtype == torch.uint8:
            h_BLC = convolve_sequence(h[:, 0, 0], self.weight.squeeze(2), None, 1)
            return h_BLC.transpose(1, 2).unsqueeze(2)
        is_float32_on_cpu = h.device.type == "cpu" and choose_dtype(self.weight) != torch.bfloat16
        # Out of training gradients are asked for to explain a prediction: torch's own can be
        # differentiated again.
        if not self.training or not is_float32_on_cpu:
            return super().forward(h)
        return _Convolve.apply(h, self.weight, Kernel(self.kernel_size[1], 1, self.dilation[1]))


class _Convolve(torch.autograd.Function):
    """A convolution whose gradients are matrix products: on CPUs half to two thirds of the time."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, kernel: Kernel) -> Tensor:
        """Map (B, channels, 1, L) to (B, out, 1, L)."""
        ctx.save_for_backward(h, weight)
        ctx.kernel = kernel
        padding = kernel.dilation * (kernel.width // 2)
        return F.conv2d(h, weight, padding=(0, padding), dilation=(1, kernel.dilation))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what was given and of the weight."""
        h, weight = ctx.saved_tensors
        x_BLC, dh_BLO = (each.squeeze(2).transpose(1, 2).contiguous() for each in (h, dh))
        weight_kCO = weight.squeeze(2).permute(2, 1, 0)
        dx_BLC = torch.empty_like(x_BLC)
        add_input_gradient(dx_BLC, dh_BLO, weight_kCO.flatten(0, 1), ctx.kernel, is_new=True)
        dweight_KO = make_weight_gradient(x_BLC, dh_BLO, ctx.kernel)
        dweight_kCO = dweight_KO.view(weight_kCO.shape)
        return dx_BLC.transpose(1, 2).unsqueeze(2), dweight_kCO.permute(2, 1, 0).unsqueeze(2), None
