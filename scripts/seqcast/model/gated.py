"""Gated blocks, the chapter's: weight normalisation, gated linear units, dense connections."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.model.dropout import Dropout, make_mask
from seqcast.model.products import (
    Kernel,
    add_input_gradient,
    convolve,
    make_bias_gradient,
    make_weight_gradient,
)
from seqcast.model.sequence import convolve_sequence, find_dtype
from seqcast.settings import ModelSettings
from seqcast.settings.model import DilatedBlock, SqueezeBlock


class GatedConv(nn.Module):
    """Weight-normalised convolution, gated linear unit, dropout.

    The convolution has twice the block's channels: a linear half, and a half whose sigmoid gates
    it (Dauphin et al. 2017, arXiv:1612.08083). Its weights are kept as direction and length
    (Salimans & Kingma 2016, arXiv:1602.07868); the length starts as the direction's own.
    """

    def __init__(self, channels: int, block: SqueezeBlock | DilatedBlock, layer: int) -> None:
        super().__init__()
        self.kernel = Kernel(
            block.kernel, getattr(block, "stride", 1), getattr(block, "dilation", 1)
        )
        self.out, self.dropout = block.out, Dropout(block.dropout, layer)
        self.direction = nn.Parameter(torch.empty(2 * block.out, channels, block.kernel))
        # LeCun's normal initialisation, which Chainer uses.
        nn.init.normal_(self.direction, std=(channels * block.kernel) ** -0.5)
        self.length = nn.Parameter(self.direction.detach().flatten(1).norm(dim=1))
        self.bias = nn.Parameter(torch.zeros(2 * block.out))
        # Where some is dropped, the linear half of what is kept is scaled up.
        kept = torch.ones(2 * block.out)
        kept[: block.out] = self.dropout.scale
        self.register_buffer("kept", kept, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The convolution's weights, (2 out, channels, kernel)."""
        return self._with_length(self.length)

    def _with_length(self, length: Tensor) -> Tensor:
        norm = self.direction.flatten(1).norm(dim=1)
        return self.direction * (length / norm)[:, None, None]

    def forward(self, x: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map (B, L, channels), or sequence as codes (B, L), to (B, L / stride, out)."""
        weight, bias = self.find_weights(noise_B)
        if x.dtype == torch.uint8:
            h = convolve_sequence(x, weight, bias, self.kernel.stride)
        else:
            h = _Convolve.apply(x, *arrange(weight, bias), *self.kernel)
        return pass_gates(h, self.find_closed(noise_B, h.shape[1]))

    def find_weights(self, noise_B: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return weights (2 out, channels, kernel) and biases, scaled up where some is dropped."""
        if not self.dropout.is_on(noise_B):
            return self.weight, self.bias
        return self._with_length(self.length * self.kept), self.bias * self.kept

    def find_closed(self, noise_B: Tensor | None, positions: int) -> Tensor | None:
        """Return which gates dropout closes, bool (B, positions, out); None: none of them."""
        if not self.dropout.is_on(noise_B):
            return None
        share, shape = self.dropout.share, (self.out, positions)
        return ~make_mask(noise_B, self.dropout.layer, share, shape).transpose(1, 2)


def arrange(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights (2 out, channels, kernel) as (kernel x channels, 2 out), and the biases.

    Both are in the arithmetic of autocast, if any.
    """
    dtype = find_dtype(weight)
    return weight.permute(2, 1, 0).flatten(0, 1).to(dtype), bias.to(dtype)


def pass_gates(h_BNO: Tensor, closed: Tensor | None) -> Tensor:
    """Map (B, N, 2 out) to (B, N, out), nothing where gates are `closed`."""
    if closed is not None:
        # A gate at minus infinity lets nothing through, and no gradient either: the derivative of
        # this change itself is zero times zero, and need not be computed.
        h_BNO.detach()[..., closed.shape[2] :].masked_fill_(closed, -torch.inf)
    return F.glu(h_BNO, dim=-1)


class _Convolve(torch.autograd.Function):
    """`products.convolve`, with its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, *kernel: int) -> Tensor:
        """Map (B, L, channels) to (B, N, 2 out)."""
        ctx.save_for_backward(x, weight)
        ctx.kernel = kernel
        return convolve(x, weight, bias, Kernel(*kernel))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequence, weight and bias."""
        x, weight = ctx.saved_tensors
        kernel, dx = Kernel(*ctx.kernel), torch.empty_like(x)
        add_input_gradient(dx, dh, weight, kernel, is_new=True)
        return dx, make_weight_gradient(x, dh, kernel), make_bias_gradient(dh), *[None] * 3


class _Dense(torch.autograd.Function):
    """All dilated blocks: each writes beside what it reads, so that nothing is ever joined."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, widths: tuple[int, ...], dilations: tuple[int, ...], *given: Tensor
    ) -> Tensor:
        """Map (B, N, C) to (B, N, all channels); `given`: weights, then biases, then closed."""
        count, first = len(widths), x.shape[2]
        weights, biases, closed = (given[k * count : (k + 1) * count] for k in range(3))
        ends = [first]
        for bias in biases:
            ends.append(ends[-1] + len(bias) // 2)
        features = x.new_empty(*x.shape[:2], ends[-1])
        features[..., :first] = x
        gates = []
        for k in range(count):
            kernel = Kernel(widths[k], dilation=dilations[k])
            gates.append(convolve(features[..., : ends[k]], weights[k], biases[k], kernel))
            features[..., ends[k] : ends[k + 1]] = pass_gates(gates[k], closed[k])
        ctx.save_for_backward(features, *weights, *gates)
        ctx.widths, ctx.dilations, ctx.ends = widths, dilations, ends
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dfeatures: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequence, weights and biases, block by block from the last."""
        ends, count = ctx.ends, len(ctx.widths)
        features, *saved = ctx.saved_tensors
        weights, gates = saved[:count], saved[count:]
        dfeatures = dfeatures.clone()
        dweights, dbiases = [None] * count, [None] * count
        for k in reversed(range(count)):
            kernel = Kernel(ctx.widths[k], dilation=ctx.dilations[k])
            dout = dfeatures[..., ends[k] : ends[k + 1]].contiguous()
            dh = torch.ops.aten.glu_backward(dout, gates[k], -1)
            dweights[k] = make_weight_gradient(features[..., : ends[k]], dh, kernel)
            dbiases[k] = make_bias_gradient(dh)
            add_input_gradient(dfeatures[..., : ends[k]], dh, weights[k], kernel)
        return dfeatures[..., : ends[0]], None, None, *dweights, *dbiases, *[None] * count


class GatedTrunk(nn.Module):
    """Squeeze blocks, then dilated blocks each of which reads everything before it."""

    def __init__(self, bases: int, settings: ModelSettings) -> None:
        super().__init__()
        self.squeeze, self.dilated = nn.ModuleList(), nn.ModuleList()
        channels = bases
        for layer, block in enumerate(settings.squeeze):
            self.squeeze.append(GatedConv(channels, block, layer))
            channels = block.out
        for layer, block in enumerate(settings.dilated, start=len(settings.squeeze)):
            self.dilated.append(GatedConv(channels, block, layer))
            channels += block.out
        self.channels = channels

    def forward(self, codes_BL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map sequence as codes (B, L) to features (B, N, channels)."""
        h = codes_BL
        for block in self.squeeze:
            h = block(h, noise_B)
        if not self.dilated:
            return h
        arranged = [arrange(*block.find_weights(noise_B)) for block in self.dilated]
        weights, biases = zip(*arranged, strict=True)
        closed = [block.find_closed(noise_B, h.shape[1]) for block in self.dilated]
        widths = tuple(block.kernel.width for block in self.dilated)
        dilations = tuple(block.kernel.dilation for block in self.dilated)
        return _Dense.apply(h, widths, dilations, *weights, *biases, *closed)
