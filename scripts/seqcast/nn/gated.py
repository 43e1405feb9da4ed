"""Gated blocks, the chapter's: weight normalisation, gated linear units, dense connections."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.nn.dropout import Dropout, draw_masks
from seqcast.nn.products import (
    Kernel,
    add_input_gradient,
    convolve,
    make_bias_gradient,
    make_weight_gradient,
)
from seqcast.nn.sequence import convolve_sequence, find_dtype
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
        # What torch's own parametrisation calls: one piece of work, and one for its gradient.
        return torch._weight_norm(self.direction, self.length[:, None, None], 0)

    def forward(self, x: Tensor, dropped: Tensor | None) -> Tensor:
        """Map (B, L, channels), or sequence as codes (B, L), to (B, L / stride, out).

        `dropped` is the mask of what dropout takes, bool (B, out, L / stride), if any.
        """
        weight, bias, scale = self.weight, self.bias, self.find_scale(dropped)
        if x.dtype == torch.uint8:
            if scale is not None:
                weight, bias = weight * scale[:, None, None], bias * scale
            h = convolve_sequence(x, weight, bias, self.kernel.stride)
        else:
            h = _Convolve.apply(x, weight, bias, scale, find_dtype(weight), self.kernel)
        return pass_gates(h, dropped)

    def find_scale(self, dropped: Tensor | None) -> Tensor | None:
        """Return what weights and biases are multiplied by where some is dropped, (2 out,)."""
        return None if dropped is None else self.kept


def arrange(
    weight_OCk: Tensor, bias_O: Tensor, scale_O: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return weights as (kernel x channels, 2 out), and biases, scaled, in the given arithmetic."""
    if scale_O is not None:
        weight_OCk, bias_O = weight_OCk * scale_O[:, None, None], bias_O * scale_O
    weight_kCO = weight_OCk.permute(2, 1, 0)
    arranged = weight_kCO.new_empty(weight_kCO.shape, dtype=dtype).copy_(weight_kCO)
    return arranged.flatten(0, 1), bias_O.to(dtype)


def arrange_gradients(
    dweight_KO: Tensor, dbias_O: Tensor, scale_O: Tensor | None, width: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return the gradients of what `arrange` was given, from those of what it returned."""
    dweight_OCk = dweight_KO.unflatten(0, (width, -1)).permute(2, 1, 0)
    given = dweight_OCk.new_empty(dweight_OCk.shape, dtype=dtype).copy_(dweight_OCk)
    if scale_O is None:
        return given, dbias_O.to(dtype)
    return given.mul_(scale_O[:, None, None]), dbias_O * scale_O


def pass_gates(h_BNO: Tensor, dropped: Tensor | None) -> Tensor:
    """Map (B, N, 2 out) to (B, N, out), nothing where something is `dropped`, (B, out, N)."""
    if dropped is not None:
        # A gate at minus infinity lets nothing through, and no gradient either: the derivative of
        # this change itself is zero times zero, and need not be computed.
        gate_BNO = h_BNO.detach()[..., dropped.shape[1] :]
        gate_BNO.masked_fill_(dropped.transpose(1, 2), -torch.inf)
    return F.glu(h_BNO, dim=-1)


class _Convolve(torch.autograd.Function):
    """`products.convolve`, with its gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor | None,
        dtype: torch.dtype,
        kernel: Kernel,
    ) -> Tensor:
        """Map (B, L, channels) to (B, N, 2 out)."""
        arranged, moved = arrange(weight, bias, scale, dtype)
        ctx.save_for_backward(x, arranged, scale)
        ctx.kernel, ctx.dtype = kernel, weight.dtype
        return convolve(x, arranged, moved, kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequence, weight and bias."""
        x, arranged, scale = ctx.saved_tensors
        kernel, dx = ctx.kernel, torch.empty_like(x)
        add_input_gradient(dx, dh, arranged, kernel, is_new=True)
        found = make_weight_gradient(x, dh, kernel), make_bias_gradient(dh)
        given = arrange_gradients(*found, scale, kernel.width, ctx.dtype)
        return dx, *given, None, None, None


class _Dense(torch.autograd.Function):
    """All dilated blocks: each writes beside what it reads, so that nothing is ever joined."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        kernels: Sequence[Kernel],
        masks: Sequence[Tensor | None],
        scales: Sequence[Tensor | None],
        dtype: torch.dtype,
        *given: Tensor,
    ) -> Tensor:
        """Map (B, N, C) to (B, N, all channels); `given` has all weights, then all biases."""
        count, ends = len(kernels), [x.shape[2]]
        weights, biases = given[:count], given[count:]
        for bias in biases:
            ends.append(ends[-1] + len(bias) // 2)
        features = x.new_empty(*x.shape[:2], ends[-1])
        features[..., : ends[0]] = x
        gates, arranged = [], []
        for k, kernel in enumerate(kernels):
            weight, bias = arrange(weights[k], biases[k], scales[k], dtype)
            gates.append(convolve(features[..., : ends[k]], weight, bias, kernel))
            features[..., ends[k] : ends[k + 1]] = pass_gates(gates[k], masks[k])
            arranged.append(weight)
        ctx.save_for_backward(features, *arranged, *gates)
        ctx.kernels, ctx.scales, ctx.ends, ctx.dtype = kernels, scales, ends, weights[0].dtype
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dfeatures: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequence, weights and biases, block by block from the last."""
        ends, count = ctx.ends, len(ctx.kernels)
        features, *saved = ctx.saved_tensors
        arranged, gates = saved[:count], saved[count:]
        dfeatures = dfeatures.clone()
        found: list[tuple[Tensor, Tensor]] = []
        for k in reversed(range(count)):
            kernel, here = ctx.kernels[k], features[..., : ends[k]]
            dout = dfeatures[..., ends[k] : ends[k + 1]].contiguous()
            dh = torch.ops.aten.glu_backward(dout, gates[k], -1)
            gradients = make_weight_gradient(here, dh, kernel), make_bias_gradient(dh)
            found.append(arrange_gradients(*gradients, ctx.scales[k], kernel.width, ctx.dtype))
            add_input_gradient(dfeatures[..., : ends[k]], dh, arranged[k], kernel)
        dweights, dbiases = zip(*reversed(found), strict=True)
        return dfeatures[..., : ends[0]], *[None] * 4, *dweights, *dbiases


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
        masks = self._draw_masks(noise_B, codes_BL.shape[1])
        h = codes_BL
        for block, dropped in zip(self.squeeze, masks, strict=False):
            h = block(h, dropped)
        if not self.dilated:
            return h
        masks = masks[len(self.squeeze) :]
        weights = [block.weight for block in self.dilated]
        return _Dense.apply(
            h,
            [block.kernel for block in self.dilated],
            masks,
            [block.find_scale(dropped) for block, dropped in zip(self.dilated, masks, strict=True)],
            find_dtype(weights[0]),
            *weights,
            *(block.bias for block in self.dilated),
        )

    def _draw_masks(self, noise_B: Tensor | None, positions: int) -> list[Tensor | None]:
        layers = []
        for block in (*self.squeeze, *self.dilated):
            positions //= block.kernel.stride
            layers.append((block.dropout, block.out, positions))
        return draw_masks(noise_B, layers)
