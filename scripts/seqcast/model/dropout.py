"""Dropout whose masks follow from a number a window, not from a generator.

Generators have a state: what they draw depends on who drew before, on how a batch is shared out
among processes, and on the device. Here a mask is a hash of the window's number, the layer, the
channel and the position, so that any share of a batch, anywhere, has the masks that it has as part
of the whole.
"""

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

    def forward(self, h: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map (B, channels, ..., L) to the same shape; `noise_B` is int32, None drops nothing."""
        if noise_B is None or not self.share or not self.training:
            return h
        keep = make_mask(noise_B, self.layer, self.share, _channels_by(h, self.whole_channels))
        return h * keep.to(h.dtype).mul_(1 / (1 - self.share)).view(_as_wide(keep, h))


def make_mask(noise_B: Tensor, layer: int, share: float, shape: tuple[int, int, bool]) -> Tensor:
    """Return what is kept, bool (B, channels, positions), a pure function of the arguments.

    `shape` is channels, positions, and whether channels come last in memory.
    """
    channels, positions, is_last = shape
    place_C = torch.arange(channels, dtype=torch.int32, device=noise_B.device)
    place_L = torch.arange(positions, dtype=torch.int32, device=noise_B.device)
    of_window_BC = _mix(noise_B[:, None] ^ _mix(place_C * _STEP + layer))
    of_place_L = _mix(place_L * _FIRST + 1)
    if is_last:
        mixed = (of_window_BC[:, None, :] ^ of_place_L[:, None]).transpose(1, 2)
    else:
        mixed = of_window_BC[:, :, None] ^ of_place_L
    # Both parts are mixed well; this takes away that windows share the part of the place.
    mixed *= _FIRST
    mixed ^= mixed >> 15
    mixed *= _SECOND
    return mixed >= round(share * (1 << 32)) - (1 << 31)


def _mix(x: Tensor) -> Tensor:
    """Return a number that looks unrelated to the one given; each has one of its own."""
    x = (x ^ (x >> 16)) * _FIRST
    x = (x ^ (x >> 15)) * _SECOND
    return x ^ (x >> 16)


def _channels_by(h: Tensor, whole_channels: bool) -> tuple[int, int, bool]:
    is_last = h.stride(1) == 1 and h.shape[1] > 1
    return h.shape[1], 1 if whole_channels else h.shape[2:].numel(), is_last


def _as_wide(keep: Tensor, h: Tensor) -> tuple[int, ...]:
    """Return a mask's shape with as many dimensions as what it is for."""
    return (*keep.shape[:2], *[1] * (h.dim() - 3), keep.shape[2])
