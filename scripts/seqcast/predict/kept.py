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

    def find_needed(self, bins: Sequence[int]) -> list[np.ndarray]:
        """Return for each layer whether bins need each of its outputs in the end, (outputs,) bool.

        Bins ascend, and are counted from the window's start, cropped ones too.
        """
        masks, needed, outputs = [], np.asarray(bins), len(self._log_rate_NT)
        for layer, whole in zip(self._layers[::-1], self._whole[::-1], strict=True):
            mask = np.zeros(outputs, dtype=bool)
            mask[needed] = True
            masks.append(mask)
            read, outputs = np.unique(layer.find_read(needed)), whole.inputs.shape[-1]
            needed = read[(read >= 0) & (read < outputs)]
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
        `find_needed` returned for the same bins.
        """
        needed = self.find_needed(bins) if needed is None else needed
        changed = np.arange(start, start + one_hot_SPC.shape[1])
        h = self._network.trunk.enter(one_hot_SPC.mT)
        log_rate_NT, bins = self._log_rate_NT, np.asarray(bins)
        for layer, whole, weight_kCO, mask in zip(
            self._layers, self._whole, self._weights, needed, strict=True
        ):
            outputs = layer.find_changed(changed)
            outputs = outputs[(outputs >= 0) & (outputs < len(mask))]
            outputs = outputs[mask[outputs]]
            if not len(outputs):
                return log_rate_NT[bins].expand(len(one_hot_SPC), -1, -1)
            h = _compute(layer, whole, weight_kCO, h, changed, outputs)
            changed = outputs
        log_rate_SNT = log_rate_NT[bins].repeat(len(one_hot_SPC), 1, 1)
        log_rate_SNT[:, np.searchsorted(bins, changed)] = self._leave(h)
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
    read = layer.find_read(outputs)
    place = np.searchsorted(changed, read)
    place[changed[np.minimum(place, len(changed) - 1)] != read] = len(changed)
    gathered = rows_SPC[:, torch.from_numpy(place.ravel())].view(-1, weight_kCO[:, :, 0].numel())
    made_SPO = (gathered @ weight_kCO.flatten(0, 1)).unflatten(0, (len(h), -1))
    convolved = whole.convolved[..., layer.find_places(outputs)]
    convolved = convolved + made_SPO.mT.view(len(h), -1, *convolved.shape[2:])
    if not layer.adds:
        return layer.after(None, convolved)
    # What changes, changes its own output as well.
    own = whole.inputs[..., outputs].repeat(len(h), *[1] * (h.dim() - 1))
    known = np.isin(outputs, changed)
    own[..., known] = h[..., np.searchsorted(changed, outputs[known])]
    return layer.after(own, convolved)
