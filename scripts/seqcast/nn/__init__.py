"""The network: a trunk that turns sequence into features of each bin, and a linear head.

Shapes: B windows, L bases, C channels, N bins, T targets. The output is the natural logarithm of
the expected coverage. `gated` and `pooled` are the kinds of trunks, of torch's own modules;
`kernels` has what computes some of these modules faster.
"""

import torch
from torch import Tensor, nn

from seqcast.data.targets import Targets
from seqcast.nn.gated import GatedTrunk
from seqcast.nn.kernels import use_kernels
from seqcast.nn.normalisation import share_statistics
from seqcast.nn.one_hot import BASES, to_one_hot
from seqcast.nn.pooled import PooledTrunk
from seqcast.settings import NetworkSettings

__all__ = ["Network", "share_statistics", "to_one_hot"]

# By the `kind` of their settings.
_TRUNKS: dict[str, type[nn.Module]] = {"gated": GatedTrunk, "pooled": PooledTrunk}


class Network(nn.Module):
    """Predict the logarithm of coverage in every bin of a window for every target.

    `crop` bins at either side of a window are seen but not predicted. What comes out is what
    `targets.to_training` makes of coverage.
    """

    def __init__(self, settings: NetworkSettings, targets: Targets, crop: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.targets = targets
        self.crop = crop
        self.trunk = _TRUNKS[settings.kind](settings)
        self.head = nn.Linear(self.trunk.channels, len(targets))
        nn.init.normal_(self.head.weight, std=self.trunk.head_spread * self.trunk.channels**-0.5)
        nn.init.zeros_(self.head.bias)
        self.plain(False)

    def plain(self, mode: bool = True) -> "Network":
        """Compute codes with torch's own modules alone (`True`), or with kernels; return self.

        As `train` and `eval` it changes the network itself. Hooks see each module of a plain
        network, and results are the kernels' up to rounding.
        """
        self.is_plain = mode
        use_kernels(self, not mode)
        return self

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, sequence: Tensor, noise_B: Tensor | None = None) -> Tensor:
        """Map sequence to log coverage (B, N, T); N = L / bin size - 2 crop.

        Sequence is codes (B, L), uint8, or one-hot (B, L, 4), with respect to which there are
        gradients. In training `noise_B`, int32, decides what dropout drops of each window; None:
        nothing. Raises `ValueError` for other shapes, and for windows that do not divide into bins.
        """
        h_BNC = self.trunk(self._read(sequence), noise_B)
        # In full precision: the tracks would show the steps of bfloat16.
        with torch.autocast(h_BNC.device.type, enabled=False):
            log_rate_BNT = self.head(h_BNC.to(self.head.weight.dtype))
        return log_rate_BNT[:, self.crop : log_rate_BNT.shape[1] - self.crop]

    def _read(self, sequence: Tensor) -> Tensor:
        """Return one-hot sequence (B, 4, L), or codes (B, 1, L) where a kernel reads letters."""
        is_codes = sequence.dim() == 2 and sequence.dtype == torch.uint8
        if not is_codes and (sequence.dim() != 3 or sequence.shape[2] != BASES):
            raise ValueError(
                f"sequence is {sequence.dtype} of shape {tuple(sequence.shape)}, wanted codes"
                " (windows, bases) of torch.uint8, or one-hot (windows, bases, 4)"
            )
        if sequence.shape[1] % self.settings.bin_size:
            raise ValueError(
                f"windows of {sequence.shape[1]:,} bases do not divide into bins of"
                f" {self.settings.bin_size}"
            )
        if is_codes and not self.is_plain:
            return sequence[:, None]
        dtype = self.head.weight.dtype
        one_hot_BLC = to_one_hot(sequence, dtype) if is_codes else sequence.to(dtype)
        return one_hot_BLC.transpose(1, 2)
