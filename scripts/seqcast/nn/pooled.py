"""The pooled network: max-pooling, batch normalisation, residual dilated convolutions.

Tensors are (B, channels, 1, L) with the channels last in memory: two-dimensional convolutions over
a height of one are about twice as fast as one-dimensional ones.
"""

import numpy as np
import torch
from torch import Tensor, nn

from seqcast.nn.dropout import Dropout, draw_masks
from seqcast.nn.layers import Layer
from seqcast.nn.normalisation import BatchNorm
from seqcast.nn.one_hot import BASES
from seqcast.settings import DilatedBlock, DownsampleBlock, PooledSettings

# Batches are small: each moves the running statistics only a little.
_MOMENTUM = 0.05


class Conv(nn.Conv2d):
    """A convolution over a height of one.

    It has no bias: the normalisation that follows would take it away, and Adam would move it by
    chance.
    """

    def __init__(self, channels: int, out: int, kernel: int, dilation: int = 1) -> None:
        super().__init__(
            channels,
            out,
            (1, kernel),
            padding=(0, dilation * (kernel // 2)),
            dilation=(1, dilation),
            bias=False,
        )

    @property
    def taps(self) -> np.ndarray:
        """How far away from its own position is each that an output reads, (kernel,)."""
        kernel = self.kernel_size[1]
        return (np.arange(kernel) - kernel // 2) * self.dilation[1]


class PooledBlock(nn.Module):
    """Shorten the sequence: normalisation, GELU, dropout, a convolution, max-pooling.

    The first block reads the sequence itself, which is neither normalised nor dropped.
    """

    def __init__(self, channels: int, block: DownsampleBlock, layer: int) -> None:
        super().__init__()
        is_first = layer == 0
        self.norm = nn.Identity() if is_first else BatchNorm(channels, momentum=_MOMENTUM)
        self.gelu = nn.Identity() if is_first else nn.GELU(approximate="tanh")
        self.dropout = Dropout(block.dropout, layer, whole_channels=True)
        self.conv = Conv(channels, block.out, block.kernel)
        # A pool of one would copy everything.
        self.pool = nn.Identity() if block.stride == 1 else nn.MaxPool2d((1, block.stride))

    def forward(self, h: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, 1, L) to (B, out, 1, L / stride)."""
        return self.pool(self.conv(self.dropout(self.gelu(self.norm(h)), dropped)))

    def layer(self) -> Layer:
        """Return the block as a layer that drops nothing."""
        return Layer(
            before=lambda h: self.gelu(self.norm(h)),
            conv=self.conv,
            after=lambda _, h: self.pool(h),
            taps=self.conv.taps,
            pool=getattr(self.pool, "kernel_size", (1, 1))[1],
        )


class ResidualBlock(nn.Module):
    """Add what a dilated convolution sees: twice normalisation, GELU, convolution, then dropout."""

    def __init__(self, channels: int, block: DilatedBlock, depth: int, layer: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, momentum=_MOMENTUM)
        self.gelu = nn.GELU(approximate="tanh")
        self.conv = Conv(channels, block.out, block.kernel, block.dilation)
        self.mix_norm = BatchNorm(block.out, momentum=_MOMENTUM)
        self.mix_gelu = nn.GELU(approximate="tanh")
        self.mix = Conv(block.out, channels, 1)
        self.dropout = Dropout(block.dropout, layer, whole_channels=True)
        # The sum over all blocks starts about as large as what it is added to.
        with torch.no_grad():
            self.mix.weight.mul_(depth**-0.5)

    def forward(self, h: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, 1, N) to the same shape."""
        return h + self.dropout(self._mix(self.conv(self.gelu(self.norm(h)))), dropped)

    def _mix(self, added: Tensor) -> Tensor:
        return self.mix(self.mix_gelu(self.mix_norm(added)))

    def layer(self) -> Layer:
        """Return the block as a layer that drops nothing."""
        return Layer(
            before=lambda h: self.gelu(self.norm(h)),
            conv=self.conv,
            after=lambda h, added: h + self._mix(added),
            taps=self.conv.taps,
            adds=True,
        )


class PooledTrunk(nn.Module):
    """Blocks that shorten the sequence by max-pooling, then residual dilated blocks."""

    # Features are normalised to size one: predictions start near the mean, 1 where scaled so.
    head_spread = 0.1

    def __init__(self, settings: PooledSettings) -> None:
        super().__init__()
        self.bin_size = settings.bin_size
        self.downsample = nn.ModuleList()
        self.dilated = nn.ModuleList()
        channels = BASES
        for layer, block in enumerate(settings.downsample):
            self.downsample.append(PooledBlock(channels, block, layer))
            channels = block.out
        depth = len(settings.dilated)
        for layer, block in enumerate(settings.dilated, start=len(settings.downsample)):
            self.dilated.append(ResidualBlock(channels, block, depth, layer))
        self.norm = BatchNorm(channels, momentum=_MOMENTUM)
        self.gelu = nn.GELU(approximate="tanh")
        self.dropout = Dropout(settings.head_dropout, len(settings.downsample) + depth)
        self.channels = channels
        self.to(memory_format=torch.channels_last)

    def forward(self, sequence_BCL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map one-hot sequence (B, 4, L) to features (B, N, channels)."""
        h = self.enter(sequence_BCL)
        *masks, last = self.draw_masks(noise_B, sequence_BCL.shape[2])
        for block, dropped in zip((*self.downsample, *self.dilated), masks, strict=True):
            h = block(h, dropped)
        return self.leave(h, last)

    def layers(self) -> list[Layer]:
        """Return what lies between `enter` and `leave`, layer by layer; nothing is dropped."""
        return [block.layer() for block in (*self.downsample, *self.dilated)]

    def enter(self, sequence_BCL: Tensor) -> Tensor:
        """Return sequence as the first layer reads it."""
        return sequence_BCL.unsqueeze(2)

    def leave(self, h: Tensor, dropped: Tensor | None = None) -> Tensor:
        """Turn what the last layer makes, (B, channels, 1, N), into features (B, N, channels)."""
        return self.dropout(self.gelu(self.norm(h)), dropped).squeeze(2).transpose(1, 2)

    def draw_masks(self, noise_B: Tensor | None, length: int) -> list[Tensor | None]:
        """Return the dropout of each block, then of the head, for windows of `length` bases."""
        layers = [(block.dropout, block.conv.in_channels, 1) for block in self.downsample[1:]]
        layers += [(block.dropout, self.channels, 1) for block in self.dilated]
        layers.append((self.dropout, self.channels, length // self.bin_size))
        return [None, *draw_masks(noise_B, layers)]
