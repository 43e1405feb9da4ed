"""A network as a list of layers, and what few changed bases change in each of them.

A base that is substituted changes some positions of the first layer, these some more of the second
and so on: a cone, most of whose layers are much narrower than a window. A network keeps what each
layer reads of a window, and of a changed one computes only the cone, and of the cone only what the
wanted bins read (fastISM, Nair et al. 2022, has the idea).

Shapes: S changed sequences, W bases, C channels, L positions, N bins, T targets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Interval(NamedTuple):
    """Positions of a layer, from `first` to before `end`."""

    first: int
    end: int

    def meet(self, other: "Interval") -> "Interval":
        """Return what both have in common; empty where that is nothing."""
        first = max(self.first, other.first)
        return Interval(first, max(first, min(self.end, other.end)))


@dataclass(frozen=True)
class Layer:
    """A convolution, and what is done before and after it, position by position.

    An output reads the inputs up to `reach` away from its own, of which it has `stride`. `convolve`
    takes inputs with their neighbours, without padding; `after` gets the outputs' own inputs as
    well, which some layers add to what they make of them.
    """

    before: Callable[[Tensor], Tensor]
    convolve: Callable[[Tensor], Tensor]
    after: Callable[[Tensor, Tensor], Tensor]
    reach: int
    stride: int = 1

    def find_changed(self, inputs: Interval) -> Interval:
        """Return the outputs that inputs can change."""
        last = inputs.end - 1 + self.reach
        return Interval((inputs.first - self.reach) // self.stride, last // self.stride + 1)

    def find_read(self, outputs: Interval) -> Interval:
        """Return the inputs that outputs read."""
        first = outputs.first * self.stride - self.reach
        return Interval(first, outputs.end * self.stride + self.reach)

    def compute(self, inputs: Tensor, known: Interval, outputs: Interval) -> Tensor:
        """Return outputs, (S, ..., positions), of all the inputs (`known`) that they read.

        What is read beyond `known` lies beyond the window's ends: nothing, as zeros.
        """
        read = self.find_read(outputs)
        inside = read.meet(known)
        here = inputs[..., inside.first - known.first : inside.end - known.first]
        padded = F.pad(self.before(here), (inside.first - read.first, read.end - inside.end))
        start = outputs.first * self.stride - known.first
        own = inputs[..., start : start + (outputs.end - outputs.first) * self.stride]
        return self.after(own, self.convolve(padded))


class Kept:
    """What each layer of a network reads of one window, to predict it with some bases changed."""

    @torch.no_grad()
    def __init__(self, network: "torch.nn.Module", one_hot_LC: Tensor) -> None:
        self.network, self.layers = network.eval(), network.trunk.layers()
        h, self.inputs = network.trunk.enter(one_hot_LC.T[None]), []
        for layer in self.layers:
            self.inputs.append(h)
            whole = Interval(0, h.shape[-1])
            h = layer.compute(h, whole, Interval(0, h.shape[-1] // layer.stride))
        self.bins = h.shape[-1]
        self._last = h

    def _narrow(self, bins: Interval) -> list[Interval]:
        """Return of each layer the outputs that some bins need in the end."""
        needed = [bins]
        for layer in reversed(self.layers[1:]):
            needed.append(layer.find_read(needed[-1]))
        return needed[::-1]

    @torch.no_grad()
    def predict(self, start: int, one_hot_SWC: Tensor, bins: Interval) -> Tensor:
        """Return the log rates of bins, (S, bins, T), with the bases from `start` on changed.

        Bins are counted from the window's start, cropped ones too. Equal to what the network makes
        of whole windows, up to rounding.
        """
        count, width, _ = one_hot_SWC.shape
        h, changed = self.network.trunk.enter(one_hot_SWC.mT), Interval(start, start + width)
        for layer, whole, needed in zip(
            self.layers, self.inputs, self._narrow(bins), strict=True
        ):
            length = whole.shape[-1]
            outputs = layer.find_changed(changed).meet(Interval(0, length // layer.stride))
            outputs = outputs.meet(needed)
            if outputs.first == outputs.end:
                return self._read(self._last, bins).expand(count, -1, -1)
            read = layer.find_read(outputs).meet(Interval(0, length))
            inputs = whole[..., read.first : read.end].repeat(count, *[1] * (whole.dim() - 1))
            both = read.meet(changed)
            inputs[..., both.first - read.first : both.end - read.first] = h[
                ..., both.first - changed.first : both.end - changed.first
            ]
            h, changed = layer.compute(inputs, read, outputs), outputs
        log_rate_SNT = self._read(self._last, bins).repeat(count, 1, 1)
        log_rate_SNT[:, changed.first - bins.first : changed.end - bins.first] = self._read(
            h, Interval(0, h.shape[-1])
        )
        return log_rate_SNT

    def _read(self, h: Tensor, bins: Interval) -> Tensor:
        features_SNC = self.network.trunk.leave(h[..., bins.first : bins.end])
        return self.network.head(features_SNC)
