"""A window that a network has seen, seen again with a few of its bases changed.

A base that is substituted changes some positions of the first layer, these some more of the second
and so on: a cone, much narrower than a window in most layers. Of a changed window only this cone is
computed, and of the cone only what the wanted bins read in the end (fastISM, Nair et al. 2022, has
the idea). A convolution is linear: what it makes of the changed positions' differences is added to
what it made of the window as it was.

Shapes: S changed sequences, C channels, P positions that change, L all positions, O output
channels, N bins, T targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.nn.layers import Layer


@dataclass(frozen=True)
class _Whole:
    """What a layer reads of the window as it is, before and after `before`, and its convolution."""

    inputs: Tensor
    read: Tensor
    convolved: Tensor


class Kept:
    """One window's way through a network, kept to predict it again with some bases changed."""

    @torch.no_grad()
    def __init__(self, network: nn.Module, one_hot_LC: Tensor) -> None:
        self._network, self._layers = network.eval(), network.trunk.layers()
        h, self._whole = network.trunk.enter(one_hot_LC.T[None]), []
        for layer in self._layers:
            read = layer.before(h)
            whole = _Whole(h, read, layer.conv(read))
            h = layer.after(h, whole.convolved)
            self._whole.append(whole)
        self._log_rate_NT = self._leave(h)[0]
        self._weights = [layer.conv.weight.flatten(2).permute(2, 1, 0) for layer in self._layers]

    def mark_needed(self, bins: Sequence[int]) -> list[np.ndarray]:
        """Return for each layer whether bins need each of its outputs in the end, (outputs,) bool.

        Bins ascend, and are counted from the window's start, cropped ones too.
        """
        masks, mask = [], np.zeros(len(self._log_rate_NT), dtype=bool)
        mask[bins] = True
        for layer, whole in zip(self._layers[::-1], self._whole[::-1], strict=True):
            masks.append(mask)
            read = layer.list_read(np.flatnonzero(mask))
            mask = np.zeros(whole.inputs.shape[-1], dtype=bool)
            mask[read[(read >= 0) & (read < len(mask))]] = True
        return masks[::-1]

    @torch.no_grad()
    def predict(
        self,
        start: int,
        one_hot_SPC: Tensor,
        bins: Sequence[int],
        needed: Sequence[np.ndarray] | None = None,
    ) -> Tensor:
        """Return the log rates of bins, (S, bins, T), where the bases from `start` on are others.

        Equal to what the network makes of the whole windows, up to rounding. `needed` is what
        `mark_needed` returned for the same bins.
        """
        needed = self.mark_needed(bins) if needed is None else needed
        changed = np.arange(start, start + one_hot_SPC.shape[1])
        h = self._network.trunk.enter(one_hot_SPC.mT)
        log_rate_NT, bins = self._log_rate_NT, np.asarray(bins)
        for layer, whole, weight_kCO, mask in zip(
            self._layers, self._whole, self._weights, needed, strict=True
        ):
            outputs = layer.list_changed(changed)
            outputs = outputs[(outputs >= 0) & (outputs < len(mask))]
            outputs = outputs[mask[outputs]]
            if not len(outputs):
                return log_rate_NT[bins].expand(len(one_hot_SPC), -1, -1)
            h = _compute(layer, whole, weight_kCO, h, changed, outputs)
            changed = outputs
        log_rate_SNT = log_rate_NT[bins].repeat(len(one_hot_SPC), 1, 1)
        log_rate_SNT[:, np.searchsorted(bins, changed)] = self._leave(h)
        return log_rate_SNT

    @property
    def log_rate_NT(self) -> Tensor:
        """The log rates of all bins of the window as it is, cropped ones too."""
        return self._log_rate_NT

    @torch.no_grad()
    def predict_each(self, starts: Sequence[int], one_hot_SPC: Tensor) -> Tensor:
        """Return the log rates of all bins, (S, N, T), each sequence with bases of its own changed.

        In sequence s they are P from `starts[s]` on. What changes is kept as a stretch of positions
        a sequence, as wide for all: as many as P bases can touch, wherever they lie.
        """
        device = one_hot_SPC.device
        first_S = torch.tensor(starts, device=device)
        h = self._network.trunk.enter(one_hot_SPC.mT)
        for layer, whole in zip(self._layers, self._whole, strict=True):
            first_S, h = _compute_each(layer, whole, layer.conv.weight, h, first_S)
        log_rate_SNT = self._log_rate_NT.repeat(len(h), 1, 1)
        made_SPT, position_SP = self._leave(h), _positions_of(first_S, h.shape[-1])
        known_SP = (position_SP >= 0) & (position_SP < log_rate_SNT.shape[1])
        rows_SP = torch.arange(len(h), device=device)[:, None].expand_as(position_SP)
        log_rate_SNT[rows_SP[known_SP], position_SP[known_SP]] = made_SPT[known_SP]
        return log_rate_SNT

    def _leave(self, h: Tensor) -> Tensor:
        return self._network.head(self._network.trunk.leave(h))


def _compute(
    layer: Layer,
    whole: _Whole,
    weight_kCO: Tensor,
    h: Tensor,
    changed: np.ndarray,
    outputs: np.ndarray,
) -> Tensor:
    """Return some outputs of a layer, (S, O, ..., outputs), whose inputs `changed` became `h`."""
    difference = layer.before(h) - whole.read[..., changed]
    # A row of zeros, the last, is the difference of all positions that do not change.
    rows_SPC = F.pad(difference.flatten(2).mT, (0, 0, 0, 1))
    read = layer.list_read(outputs)
    row = np.searchsorted(changed, read)
    row[changed[np.minimum(row, len(changed) - 1)] != read] = len(changed)
    gathered = rows_SPC[:, torch.from_numpy(row.ravel())].view(-1, weight_kCO[:, :, 0].numel())
    made_SPO = (gathered @ weight_kCO.flatten(0, 1)).unflatten(0, (len(h), -1))
    convolved = whole.convolved[..., layer.list_positions(outputs)]
    convolved = convolved + made_SPO.mT.view(len(h), -1, *convolved.shape[2:])
    if not layer.adds:
        return layer.after(None, convolved)
    # What changes, changes its own output as well.
    own = whole.inputs[..., outputs].repeat(len(h), *[1] * (h.dim() - 1))
    known = np.isin(outputs, changed)
    own[..., known] = h[..., np.searchsorted(changed, outputs[known])]
    return layer.after(own, convolved)


def _compute_each(
    layer: Layer, whole: _Whole, weight: Tensor, h: Tensor, first_S: Tensor
) -> tuple[Tensor, Tensor]:
    """Return where the stretch of outputs begins that `h` can change, and these outputs.

    `h` (S, C, ..., P) are the inputs from `first_S` on. Where a stretch passes an end of the window
    its values mean nothing, and count as no change.
    """
    reach, lowest = int(layer.taps.max() - layer.taps.min()), int(layer.taps.min())
    inside_SP, width = _positions_of(first_S, h.shape[-1]), h.shape[-1]
    known_SP = (inside_SP >= 0) & (inside_SP < whole.inputs.shape[-1])
    difference = layer.before(h) - _take(whole.read, inside_SP)
    difference_SPC = difference.flatten(2).mT * known_SP[..., None]
    # The first output that reads a base from the first on: both are rounded up, then down.
    made_S = -((lowest + reach - first_S) // layer.stride)
    made_S = made_S.div(layer.pool, rounding_mode="floor")
    outputs = ((width - 1 + reach) // layer.stride + layer.pool - 1) // layer.pool + 1
    positions = outputs * layer.pool
    if layer.stride == layer.pool == 1:
        # The first and last outputs read one changed position.
        read_SPC = F.pad(difference_SPC, (0, 0, reach, reach))
    else:
        # What the outputs read begins elsewhere in each sequence.
        start_S = made_S * (layer.pool * layer.stride) + lowest - first_S
        read_SP = _positions_of(start_S, (positions - 1) * layer.stride + reach + 1)
        is_changed = (read_SP >= 0) & (read_SP < width)
        index = read_SP.clamp(0, width - 1)[..., None].expand(-1, -1, difference_SPC.shape[2])
        read_SPC = difference_SPC.gather(1, index) * is_changed[..., None]
    made_SOP = _convolve(layer, weight, read_SPC)
    convolved = _take(whole.convolved, _positions_of(made_S * layer.pool, positions))
    convolved = convolved + made_SOP.view(convolved.shape)
    if not layer.adds:
        return made_S, layer.after(None, convolved)
    # What changes, changes its own output as well.
    own = _take(whole.inputs, _positions_of(made_S, outputs))
    own[..., lowest + reach : lowest + reach + width] = h
    return made_S, layer.after(own, convolved)


def _convolve(layer: Layer, weight: Tensor, read_SPC: Tensor) -> Tensor:
    """Return what a layer's convolution makes of positions, (S, O, positions), no bias or padding.

    Two-dimensional over a height of one, channels last in memory: that is fastest.
    """
    dilation = int(layer.taps[1] - layer.taps[0]) if len(layer.taps) > 1 else 1
    weight_OC1k = weight.flatten(2)[:, :, None]
    read_SC1P = read_SPC.mT[:, :, None]
    return F.conv2d(read_SC1P, weight_OC1k, None, (1, layer.stride), 0, (1, dilation))[:, :, 0]


def _positions_of(first_S: Tensor, width: int) -> Tensor:
    """Return the positions of stretches, (S, width)."""
    return first_S[:, None] + torch.arange(width, device=first_S.device)


def _take(whole: Tensor, position_SP: Tensor) -> Tensor:
    """Return values of the window at positions, (S, C, ..., P); any where there is none.

    Channels lie side by side in memory, as convolutions read them fastest.
    """
    rows_LC = whole[0].flatten(1).T
    taken_SPC = rows_LC[position_SP.clamp(0, len(rows_LC) - 1)]
    return taken_SPC.mT.view(len(position_SP), -1, *whole.shape[2:-1], position_SP.shape[1])
