"""Pooled blocks: convolution, max-pooling, batch normalisation, residual dilated convolutions.

Convolutions are two-dimensional over a height of one, with the channels last in memory: on CPUs
that is about twice as fast as one-dimensional ones.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.model.dropout import Dropout, draw_masks
from seqcast.model.normalisation import BatchNorm
from seqcast.model.sequence import convolve_sequence
from seqcast.settings import ModelSettings
from seqcast.settings.model import DilatedBlock, SqueezeBlock

# Batches are small: each moves the running statistics only a little.
_MOMENTUM = 0.05


def _conv(channels: int, out: int, kernel: int, *, dilation: int = 1) -> nn.Conv2d:
    # No bias: the normalisation that follows would take it away, and Adam would move it by chance.
    return nn.Conv2d(
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
            h_BLC = convolve_sequence(h, self.conv.weight[:, :, 0], self.conv.bias, 1)
            h = h_BLC[:, None].permute(0, 3, 1, 2)
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
        return self.dropout(_activate(self.norm(h)), last)[:, :, 0].transpose(1, 2)
