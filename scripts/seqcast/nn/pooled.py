"""Pooled blocks: convolution, max-pooling, batch normalisation, residual dilated convolutions.

Tensors are (B, channels, 1, L) with the channels last in memory: two-dimensional convolutions over
a height of one are about twice as fast as one-dimensional ones.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.nn.dropout import Dropout, draw_masks
from seqcast.nn.normalisation import BatchNorm
from seqcast.nn.products import Kernel, add_input_gradient, make_weight_gradient
from seqcast.nn.sequence import convolve_sequence, find_dtype
from seqcast.settings import ModelSettings
from seqcast.settings.model import DilatedBlock, SqueezeBlock

# Batches are small: each moves the running statistics only a little.
_MOMENTUM = 0.05


class Conv(nn.Conv2d):
    """A convolution over a height of one."""

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, channels, 1, L) to (B, out, 1, L)."""
        if h.device.type != "cpu" or find_dtype(self.weight) == torch.bfloat16:
            return super().forward(h)
        kernel = Kernel(self.kernel_size[1], dilation=self.dilation[1])
        return _Convolve.apply(h, self.weight, kernel)


class _Convolve(torch.autograd.Function):
    """A convolution whose gradients are matrix products: on CPUs half to two thirds of the time."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, kernel: Kernel) -> Tensor:
        """Map (B, channels, 1, L) to (B, out, 1, L)."""
        ctx.save_for_backward(h, weight)
        ctx.kernel = kernel
        padding, dilation = kernel.dilation * (kernel.width // 2), kernel.dilation
        return F.conv2d(h, weight, padding=(0, padding), dilation=(1, dilation))

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


def _conv(channels: int, out: int, kernel: int, *, dilation: int = 1) -> Conv:
    # No bias: the normalisation that follows would take it away, and Adam would move it by chance.
    return Conv(
        channels, out, (1, kernel), padding=(0, dilation * (kernel // 2)), dilation=(1, dilation),
        bias=False,
    )  # fmt: skip


def _norm(channels: int) -> BatchNorm:
    return BatchNorm(channels, momentum=_MOMENTUM)


def _activate(h: Tensor) -> Tensor:
    return F.gelu(h, approximate="tanh")


class PooledConv(nn.Module):
    """Shorten the sequence: normalisation, GELU, dropout, a convolution, max-pooling.

    The first block reads the sequence itself and normalises nothing.
    """

    def __init__(self, channels: int, block: SqueezeBlock, layer: int) -> None:
        super().__init__()
        self.norm = None if layer == 0 else _norm(channels)
        self.conv = _conv(channels, block.out, block.kernel)
        self.stride = block.stride
        self.dropout = Dropout(block.dropout, layer, whole_channels=True)

    def forward(self, h: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, 1, L), or codes (B, L) in the first, to (B, out, 1, L / stride)."""
        if self.norm is None:
            h_BLC = convolve_sequence(h, self.conv.weight.squeeze(2), self.conv.bias, 1)
            h = h_BLC.transpose(1, 2).unsqueeze(2)
        else:
            h = self.conv(self.dropout(_activate(self.norm(h)), dropped))
        return h if self.stride == 1 else F.max_pool2d(h, (1, self.stride))


class ResidualConv(nn.Module):
    """Add what a dilated convolution sees: twice normalisation, GELU, convolution, then dropout."""

    def __init__(self, channels: int, block: DilatedBlock, depth: int, layer: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.conv = _conv(channels, block.out, block.kernel, dilation=block.dilation)
        self.mix_norm = _norm(block.out)
        self.mix = _conv(block.out, channels, 1)
        self.dropout = Dropout(block.dropout, layer, whole_channels=True)
        # The sum over all blocks starts about as large as what it is added to.
        with torch.no_grad():
            self.mix.weight.mul_(depth**-0.5)

    def forward(self, h: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, 1, N) to the same shape."""
        added = self.conv(_activate(self.norm(h)))
        added = self.mix(_activate(self.mix_norm(added)))
        return h + self.dropout(added, dropped)


class PooledTrunk(nn.Module):
    """Squeeze blocks with max-pooling, then residual dilated blocks."""

    def __init__(self, bases: int, settings: ModelSettings) -> None:
        super().__init__()
        self.squeeze, self.dilated = nn.ModuleList(), nn.ModuleList()
        channels = bases
        for layer, block in enumerate(settings.squeeze):
            self.squeeze.append(PooledConv(channels, block, layer))
            channels = block.out
        depth = len(settings.dilated)
        for layer, block in enumerate(settings.dilated, start=len(settings.squeeze)):
            self.dilated.append(ResidualConv(channels, block, depth, layer))
        self.norm = _norm(channels)
        self.dropout = Dropout(settings.head_dropout, len(settings.squeeze) + depth)
        self.channels = channels
        self.to(memory_format=torch.channels_last)

    def forward(self, codes_BL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map sequence as codes (B, L) to features (B, N, channels)."""
        h, blocks = codes_BL, (*self.squeeze, *self.dilated)
        # The sequence itself is not dropped.
        layers = [(block.dropout, block.conv.in_channels, 1) for block in self.squeeze[1:]]
        layers += [(block.dropout, self.channels, 1) for block in self.dilated]
        bins = codes_BL.shape[1] // math.prod(block.stride for block in self.squeeze)
        *masks, last = draw_masks(noise_B, [*layers, (self.dropout, self.channels, bins)])
        for block, dropped in zip(blocks, [None, *masks], strict=True):
            h = block(h, dropped)
        return self.dropout(_activate(self.norm(h)), last).squeeze(2).transpose(1, 2)
