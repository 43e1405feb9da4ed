"""Dropout whose masks follow from a number a window, not from a generator.

Generators have a state: what they draw depends on who drew before, on how a batch is shared out
among processes, and on the device. Here a mask is a hash of the window's number, the layer, the
channel and the position, so that any share of a batch, anywhere, has the masks that it has as part
of the whole.
"""

from collections.abc import Sequence
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
        self.share = share
        self.layer = layer
        self.whole_channels = whole_channels

    @property
    def scale(self) -> float:
        """What is kept is multiplied by this."""
        return 1 / (1 - self.share)

    def forward(self, h: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, channels, ..., L) to the same shape; `dropped` is a mask of `draw_masks`."""
        if dropped is None:
            return h
        kept = (~dropped).to(h.dtype).mul_(self.scale)
        return h * kept.view(*kept.shape[:2], *[1] * (h.dim() - 3), kept.shape[2])


def draw_masks(
    noise_B: Tensor | None, layers: Sequence[tuple[Dropout, int, int]]
) -> list[Tensor | None]:
    """Return what is dropped in each layer, bool (B, channels, positions); None where nothing is.

    `layers` has channels and positions of each. A mask is a pure function of the window's noise,
    int32, and of layer, channel and position; in memory the channels come last. Where the noise is
    None, a layer does not train or its share is 0, nothing is dropped.
    """
    masks: list[Tensor | None] = [None] * len(layers)
    # Layers of as many positions are drawn together: on a GPU few large pieces of work are faster
    # than many small ones.
    groups: dict[int, list[int]] = {}
    for index, (dropout, _, positions) in enumerate(layers):
        if noise_B is not None and dropout.training and dropout.share > 0:
            groups.setdefault(1 if dropout.whole_channels else positions, []).append(index)
    if not groups:
        return masks
    order = [index for group in groups.values() for index in group]
    parts = tuple((dropout.layer, channels) for dropout, channels, _ in (layers[k] for k in order))
    make = _make_numbers if torch.compiler.is_compiling() else _keep_numbers
    of_channel_C, *of_positions = make(parts, tuple(groups), noise_B.device)
    of_window_BC, first = _mix(noise_B[:, None] ^ of_channel_C), 0
    for group, of_position_L in zip(groups.values(), of_positions, strict=True):
        last = first + sum(_pairs_of(layers[index][1]) for index in group)
        halves_BLC = _mix_both(of_window_BC[:, first:last], of_position_L)
        first, at = last, 0
        for index in group:
            dropout, channels, _ = layers[index]
            least = round(dropout.share * (1 << 16)) - (1 << 15)
            masks[index] = (halves_BLC[..., at : at + channels] < least).transpose(1, 2)
            at += 2 * _pairs_of(channels)
    return masks


def _mix_both(of_window_BC: Tensor, of_position_L: Tensor) -> Tensor:
    """Return a number of 16 bits for each channel of a pair, (B, L, channels)."""
    mixed_BLC = of_window_BC[:, None, :] ^ of_position_L[:, None]
    # Both parts are mixed well; this takes away that windows share the part of the position.
    mixed_BLC *= _FIRST
    mixed_BLC ^= mixed_BLC >> 15
    mixed_BLC *= _SECOND
    return mixed_BLC.view(torch.int16)


def _pairs_of(channels: int) -> int:
    """Return how many numbers of 32 bits there are: each has 16 for either channel of a pair.

    That is fine enough for any share.
    """
    return (channels + 1) // 2


def _make_numbers(
    parts: tuple[tuple[int, int], ...], lengths: tuple[int, ...], device: torch.device
) -> tuple[Tensor, ...]:
    """Return what channels add to masks, all layers' in one, then what the positions add.

    `parts` has number and channels of each layer, `lengths` how many positions there are.
    """
    of_channel = [
        _mix(torch.arange(_pairs_of(channels), dtype=torch.int32, device=device) * _STEP + layer)
        for layer, channels in parts
    ]
    of_positions = [
        _mix(torch.arange(length, dtype=torch.int32, device=device) * _FIRST + 1)
        for length in lengths
    ]
    return torch.cat(of_channel), *of_positions


# The same at every step, and on a GPU a dozen small pieces of work a layer.
_keep_numbers = lru_cache(maxsize=8)(_make_numbers)


def _mix(x: Tensor) -> Tensor:
    """Return a number that looks unrelated to the one given; each has one of its own."""
    x = (x ^ (x >> 16)) * _FIRST
    x = (x ^ (x >> 15)) * _SECOND
    return x ^ (x >> 16)
