"""Dropout whose masks follow from a number a window, not from a generator.

Generators have a state: what they draw depends on who drew before, on how a batch is shared out
among processes, and on the device. Here a mask is a hash of the window's number, the layer, the
channel and the position, so that any share of a batch, anywhere, has the masks that it has as part
of the whole.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

# Multipliers of a 32-bit mixing function with little bias, found by Chris Wellons' search
# (https://nullprogram.com/blog/2018/07/31/), as signed numbers: torch's integers wrap around.
_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - (1 << 32)
# Layers and channels are told apart by steps of the golden ratio.
_STEP = 0x9E3779B9 - (1 << 32)


class Dropout(nn.Module):
    """Set a share of the values, or of whole channels, to nothing, and scale the rest up.

    `layer` tells the masks of one network's layers apart.
    """

    def __init__(self, share: float, layer: int, *, whole_channels: bool = False) -> None:
        super().__init__()
        self.share, self.layer, self.whole_channels = share, layer, whole_channels

    @property
    def scale(self) -> float:
        """What is kept is multiplied by this."""
        return 1 / (1 - self.share)

    def is_on(self, noise_B: Tensor | None) -> bool:
        """Say whether anything is dropped."""
        return noise_B is not None and self.share > 0 and self.training

    def forward(self, h: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map (B, channels, ..., L) to the same shape; `noise_B` is int32, None drops nothing."""
        if not self.is_on(noise_B):
            return h
        channels, positions = h.shape[1], 1 if self.whole_channels else h.shape[2:].numel()
        keep = make_mask(noise_B, self.layer, self.share, (channels, positions))
        wide = (*keep.shape[:2], *[1] * (h.dim() - 3), positions)
        return h * keep.to(h.dtype).mul_(self.scale).view(wide)


def make_mask(noise_B: Tensor, layer: int, share: float, shape: tuple[int, int]) -> Tensor:
    """Return what is kept, bool (B, channels, positions), a pure function of the arguments.

    `shape` is channels and positions; in memory the channels come last.
    """
    channels, positions = shape
    make = _make_places if torch.compiler.is_compiling() else _keep_places
    of_channel_C, of_place_L = make(layer, channels, positions, noise_B.device)
    of_window_BC = _mix(noise_B[:, None] ^ of_channel_C)
    mixed_BLC = of_window_BC[:, None, :] ^ of_place_L[:, None]
    # Both parts are mixed well; this takes away that windows share the part of the place.
    mixed_BLC *= _FIRST
    mixed_BLC ^= mixed_BLC >> 15
    mixed_BLC *= _SECOND
    halves_BLC = mixed_BLC.view(torch.int16)[..., :channels]
    return (halves_BLC >= round(share * (1 << 16)) - (1 << 15)).transpose(1, 2)


def _make_places(
    layer: int, channels: int, positions: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return what channels and positions add to a mask, whatever the window."""
    # Two channels share a number of 32 bits: each has 16 of its own, fine enough for any share.
    place_C = torch.arange((channels + 1) // 2, dtype=torch.int32, device=device)
    place_L = torch.arange(positions, dtype=torch.int32, device=device)
    return _mix(place_C * _STEP + layer), _mix(place_L * _FIRST + 1)


# The same at every step, and on a GPU a dozen small kernels a layer. No more of them are kept than
# two networks have layers.
_keep_places = lru_cache(maxsize=64)(_make_places)


def _mix(x: Tensor) -> Tensor:
    """Return a number that looks unrelated to the one given; each has one of its own."""
    x = (x ^ (x >> 16)) * _FIRST
    x = (x ^ (x >> 15)) * _SECOND
    return x ^ (x >> 16)
