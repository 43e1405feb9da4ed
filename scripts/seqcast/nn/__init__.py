"""The network: blocks that shorten the sequence, dilated blocks that see far, a linear head.

Shapes: B windows, L bases, C channels, N bins, T targets. The output is the natural logarithm of
the expected coverage.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.nn.gated import GatedTrunk
from seqcast.nn.normalisation import share_statistics
from seqcast.nn.pooled import PooledTrunk
from seqcast.nn.sequence import BASES
from seqcast.settings import ModelSettings
from seqcast.targets import Targets

__all__ = ["Network", "share_statistics"]

_TRUNKS = {"gated": GatedTrunk, "pooled": PooledTrunk}


class Network(nn.Module):
    """Predict the logarithm of coverage in every bin of a window for every target.

    `crop` bins at either side of a window are seen but not predicted. What comes out is what
    `targets.to_training` makes of coverage.
    """

    def __init__(self, settings: ModelSettings, targets: Targets, crop: int = 0) -> None:
        super().__init__()
        self.settings, self.targets, self.crop = settings, targets, crop
        self._bin_size = settings.bin_size
        self.trunk = _TRUNKS[settings.blocks](BASES, settings)
        channels = self.trunk.channels
        self.head = nn.Conv1d(channels, len(targets), 1)
        # Pooled features are of size one: predictions start near the mean, 1 where scaled so.
        spread = 1.0 if settings.blocks == "gated" else 0.1
        nn.init.normal_(self.head.weight, std=spread * channels**-0.5)
        nn.init.zeros_(self.head.bias)

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, codes_BL: Tensor, noise_B: Tensor | None = None) -> Tensor:
        """Map uint8 codes (B, L) to log coverage (B, N, T); N = L / bin size - 2 crop.

        In training `noise_B`, int32, decides what dropout drops of each window; None: nothing.
        """
        if codes_BL.shape[-1] % self._bin_size:
            raise ValueError(
                f"windows of {codes_BL.shape[-1]:,} bases do not divide into bins of"
                f" {self._bin_size}"
            )
        h_BNC = self.trunk(codes_BL, noise_B)
        # In full precision: the tracks would show the steps of bfloat16.
        with torch.autocast(h_BNC.device.type, enabled=False):
            weight_TC = self.head.weight[:, :, 0]
            log_rate_BNT = F.linear(h_BNC.to(weight_TC.dtype), weight_TC, self.head.bias)
        return log_rate_BNT[:, self.crop : log_rate_BNT.shape[1] - self.crop]
