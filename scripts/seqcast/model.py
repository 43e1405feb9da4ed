"""The network: squeeze blocks, dense dilated blocks, a linear head.

Shapes: B windows, L bases, C channels, N bins, T targets. The output is the natural logarithm of
the expected coverage.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.settings import ModelSettings
from seqcast.targets import Targets

_BASES = 4


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
    ) -> None:
        super().__init__()
        self.stride, self.dilation, self.dropout = stride, dilation, dropout
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

    def forward(self, x_BCL: Tensor) -> Tensor:
        """Map (B, channels, L) to (B, out, L / stride)."""
        h = F.conv1d(x_BCL, self.weight, self.bias, self.stride, self.padding, self.dilation)
        return F.dropout(F.glu(h, dim=1), self.dropout, self.training)


class Network(nn.Module):
    """Predict the logarithm of coverage in every bin of a window for every target.

    `crop` bins at either side of a window are seen but not predicted. What comes out is scaled as
    `targets.scale` says.
    """

    def __init__(self, settings: ModelSettings, targets: Targets, crop: int = 0) -> None:
        super().__init__()
        self.settings, self.targets, self.crop = settings, targets, crop
        # One row a code: A, C, G, T and N, which is nothing at all.
        self.register_buffer("one_hot", torch.eye(5, _BASES), persistent=False)
        self.squeeze, self.dilated = nn.ModuleList(), nn.ModuleList()
        channels = _BASES
        for block in settings.squeeze:
            self.squeeze.append(
                GatedConv(
                    channels, block.out, block.kernel, stride=block.stride, dropout=block.dropout
                )
            )
            channels = block.out
        for block in settings.dilated:
            self.dilated.append(
                GatedConv(
                    channels,
                    block.out,
                    block.kernel,
                    dilation=block.dilation,
                    dropout=block.dropout,
                )
            )
            channels += block.out
        self.head = nn.Conv1d(channels, len(targets), 1)
        nn.init.normal_(self.head.weight, std=channels**-0.5)
        nn.init.zeros_(self.head.bias)

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, codes_BL: Tensor) -> Tensor:
        """Map uint8 codes (B, L) to log coverage (B, N, T); N = L / bin size - 2 crop."""
        if codes_BL.shape[-1] % self.settings.bin_size:
            raise ValueError(
                f"windows of {codes_BL.shape[-1]:,} bases do not divide into bins of"
                f" {self.settings.bin_size}"
            )
        h = F.embedding(codes_BL.int(), self.one_hot).transpose(1, 2)
        for block in self.squeeze:
            h = block(h)
        for block in self.dilated:
            h = torch.cat([h, block(h)], dim=1)
        # In full precision: the tracks would show the steps of bfloat16.
        with torch.autocast(h.device.type, enabled=False):
            log_rate_BTN = self.head(h.to(self.head.weight.dtype))
        end = log_rate_BTN.shape[-1] - self.crop
        return log_rate_BTN[..., self.crop : end].transpose(1, 2)
