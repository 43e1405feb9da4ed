"""The gated network, the chapter's: weight normalisation, gated linear units, dense connections."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.nn.dropout import Dropout, draw_masks
from seqcast.nn.layers import Layer
from seqcast.nn.one_hot import BASES
from seqcast.settings import DilatedBlock, DownsampleBlock, GatedSettings


class WeightNormConv1d(nn.Module):
    """A convolution whose weights are kept as directions `weight_v` and lengths `weight_g`.

    weight = weight_g x weight_v / |weight_v|, one length an output channel (Salimans & Kingma 2016,
    arXiv:1602.07868); the length starts as the direction's own.
    """

    def __init__(
        self, channels: int, out: int, kernel: int, *, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.weight_v = nn.Parameter(torch.empty(out, channels, kernel))
        # LeCun's normal initialisation, which Chainer uses.
        nn.init.normal_(self.weight_v, std=(channels * kernel) ** -0.5)
        self.weight_g = nn.Parameter(self.weight_v.detach().flatten(1).norm(dim=1))
        self.bias = nn.Parameter(torch.zeros(out))

    @property
    def weight(self) -> Tensor:
        """The convolution's weights, (out, channels, kernel)."""
        # What torch's own parametrisation calls: one piece of work, and one for its gradient.
        return torch._weight_norm(self.weight_v, self.weight_g[:, None, None], 0)

    def forward(self, x_BCL: Tensor) -> Tensor:
        """Map (B, channels, L) to (B, out, L / stride)."""
        padding = self.dilation * (self.kernel // 2)
        return F.conv1d(x_BCL, self.weight, self.bias, self.stride, padding, self.dilation)

    @property
    def taps(self) -> np.ndarray:
        """How far away from its own position is each that an output reads, (kernel,)."""
        return (np.arange(self.kernel) - self.kernel // 2) * self.dilation


class GatedBlock(nn.Module):
    """Weight-normalised convolution, gated linear unit, dropout.

    The convolution has twice the block's channels: a linear half, and a half whose sigmoid gates
    it (Dauphin et al. 2017, arXiv:1612.08083).
    """

    def __init__(self, channels: int, block: DownsampleBlock | DilatedBlock, layer: int) -> None:
        super().__init__()
        self.out = block.out
        self.conv = WeightNormConv1d(
            channels, 2 * block.out, block.kernel, stride=block.stride, dilation=block.dilation
        )
        self.glu = nn.GLU(dim=1)
        self.dropout = Dropout(block.dropout, layer)

    def forward(self, x_BCL: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, L) to (B, out, L / stride); `dropped` is what dropout takes, if any."""
        return self.dropout(self.glu(self.conv(x_BCL)), dropped)

    def layer(self, *, is_dense: bool) -> Layer:
        """Return the block as a layer that drops nothing; a dense one keeps what it reads."""
        return Layer(
            before=lambda h: h,
            conv=self.conv,
            after=lambda h, made: (
                torch.cat([h, self.glu(made)], dim=1) if is_dense else self.glu(made)
            ),
            taps=self.conv.taps,
            stride=self.conv.stride,
            adds=is_dense,
        )


class GatedTrunk(nn.Module):
    """Strided blocks, then dilated blocks each of which reads everything before it."""

    # Standard deviation of the head's output at the start, for features of size one.
    head_spread = 1.0

    def __init__(self, settings: GatedSettings) -> None:
        super().__init__()
        self.downsample = nn.ModuleList()
        self.dilated = nn.ModuleList()
        channels = BASES
        for layer, block in enumerate(settings.downsample):
            self.downsample.append(GatedBlock(channels, block, layer))
            channels = block.out
        for layer, block in enumerate(settings.dilated, start=len(settings.downsample)):
            self.dilated.append(GatedBlock(channels, block, layer))
            channels += block.out
        self.channels = channels

    def forward(self, sequence_BCL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map one-hot sequence (B, 4, L) to features (B, N, channels)."""
        h = self.enter(sequence_BCL)
        masks = self.draw_masks(noise_B, sequence_BCL.shape[2])
        for block, dropped in zip(self.downsample, masks, strict=False):
            h = block(h, dropped)
        for block, dropped in zip(self.dilated, masks[len(self.downsample) :], strict=True):
            h = torch.cat([h, block(h, dropped)], dim=1)
        return self.leave(h)

    def layers(self) -> list[Layer]:
        """Return what lies between `enter` and `leave`, layer by layer; nothing is dropped."""
        downsample = [block.layer(is_dense=False) for block in self.downsample]
        return downsample + [block.layer(is_dense=True) for block in self.dilated]

    def enter(self, sequence_BCL: Tensor) -> Tensor:
        """Return sequence as the first layer reads it."""
        return sequence_BCL

    def leave(self, h: Tensor) -> Tensor:
        """Turn what the last layer makes, (B, channels, N), into features (B, N, channels)."""
        return h.transpose(1, 2)

    def draw_masks(self, noise_B: Tensor | None, length: int) -> list[Tensor | None]:
        """Return the dropout of each block, for windows of `length` bases."""
        layers = []
        for block in (*self.downsample, *self.dilated):
            length //= block.conv.stride
            layers.append((block.dropout, block.out, length))
        return draw_masks(noise_B, layers)
