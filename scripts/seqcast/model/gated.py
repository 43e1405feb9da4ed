"""Gated blocks, the chapter's: weight normalisation, gated linear units, dense connections."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.model.dropout import Dropout
from seqcast.settings import ModelSettings


class GatedConv(nn.Module):
    """Weight-normalised convolution, gated linear unit, dropout.

    The convolution has twice the block's channels: a linear half, and a half whose sigmoid gates
    it (Dauphin et al. 2017, arXiv:1612.08083). Its weights are kept as direction and length
    (Salimans & Kingma 2016, arXiv:1602.07868); the length starts as the direction's own.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        dropout: float = 0.0,
        layer: int = 0,
    ) -> None:
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.dropout = Dropout(dropout, layer)
        self.padding = dilation * (kernel // 2)
        self.direction = nn.Parameter(torch.empty(2 * out, channels, kernel))
        # LeCun's normal initialisation, which Chainer uses.
        nn.init.normal_(self.direction, std=(channels * kernel) ** -0.5)
        self.length = nn.Parameter(self.direction.detach().flatten(1).norm(dim=1))
        self.bias = nn.Parameter(torch.zeros(2 * out))

    @property
    def weight(self) -> Tensor:
        """The convolution's weights, (2 out, channels, kernel)."""
        norm = self.direction.flatten(1).norm(dim=1)
        return self.direction * (self.length / norm)[:, None, None]

    def forward(self, x_BCL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map (B, channels, L) to (B, out, L / stride)."""
        h = F.conv1d(x_BCL, self.weight, self.bias, self.stride, self.padding, self.dilation)
        return self.dropout(F.glu(h, dim=1), noise_B)


class GatedTrunk(nn.Module):
    """Squeeze blocks, then dilated blocks each of which reads everything before it."""

    def __init__(self, bases: int, settings: ModelSettings) -> None:
        super().__init__()
        self.squeeze, self.dilated = nn.ModuleList(), nn.ModuleList()
        channels = bases
        for layer, block in enumerate(settings.squeeze):
            self.squeeze.append(
                GatedConv(
                    channels,
                    block.out,
                    block.kernel,
                    stride=block.stride,
                    dropout=block.dropout,
                    layer=layer,
                )
            )
            channels = block.out
        for layer, block in enumerate(settings.dilated, start=len(settings.squeeze)):
            self.dilated.append(
                GatedConv(
                    channels,
                    block.out,
                    block.kernel,
                    dilation=block.dilation,
                    dropout=block.dropout,
                    layer=layer,
                )
            )
            channels += block.out
        self.channels = channels

    def forward(self, one_hot_BLC: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map one-hot sequence (B, L, 4) to features (B, channels, N)."""
        h = one_hot_BLC.transpose(1, 2)
        for block in self.squeeze:
            h = block(h, noise_B)
        for block in self.dilated:
            h = torch.cat([h, block(h, noise_B)], dim=1)
        return h
