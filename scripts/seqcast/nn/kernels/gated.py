"""The whole trunk of the gated network as matrix products, the channels last, nothing joined.

Each dilated block reads everything before it: `torch.cat` would copy that for each of them, so here
a block writes beside what it reads. What dropout takes is a gate that is closed.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.nn.gated import GatedBlock, GatedTrunk
from seqcast.nn.kernels.products import (
    Kernel,
    add_input_gradient,
    convolve,
    make_bias_gradient,
    make_weight_gradient,
)
from seqcast.nn.kernels.sequence import choose_dtype, convolve_sequence


class FastGatedTrunk(GatedTrunk):
    """`gated.GatedTrunk`; letters are convolved by kernels, one-hot sequence by its modules."""

    def forward(self, sequence_BCL: Tensor, noise_B: Tensor | None) -> Tensor:
        """Map letters (B, 1, L) as uint8, or one-hot (B, 4, L), to features (B, N, channels)."""
        if sequence_BCL.dtype != torch.uint8:
            return super().forward(sequence_BCL, noise_B)
        h = sequence_BCL[:, 0]
        masks = self.draw_masks(noise_B, h.shape[1])
        for block, dropped in zip(self.downsample, masks, strict=False):
            h = convolve_gated(block, h, dropped)
        if not self.dilated:
            return h
        masks = masks[len(self.downsample) :]
        weights = [block.conv.weight for block in self.dilated]
        return _Dense.apply(
            h,
            [kernel_of(block) for block in self.dilated],
            masks,
            [scale_of(block, dropped) for block, dropped in zip(self.dilated, masks, strict=True)],
            choose_dtype(weights[0]),
            *weights,
            *(block.conv.bias for block in self.dilated),
        )


def convolve_gated(block: GatedBlock, x: Tensor, dropped: Tensor | None) -> Tensor:
    """Compute a block of (B, L, channels), or of codes (B, L), to (B, L / stride, out).

    `dropped` is the mask of what dropout takes, bool (B, out, L / stride), if any.
    """
    weight = block.conv.weight
    bias = block.conv.bias
    scale = scale_of(block, dropped)
    if x.dtype == torch.uint8:
        h = convolve_sequence(x, scale_up(weight, scale), scale_up(bias, scale), block.conv.stride)
    else:
        h = _Convolve.apply(x, weight, bias, scale, choose_dtype(weight), kernel_of(block))
    return pass_gates(h, dropped)


def kernel_of(block: GatedBlock) -> Kernel:
    """Return the shape of a block's convolution."""
    return Kernel(block.conv.kernel, block.conv.stride, block.conv.dilation)


def scale_of(block: GatedBlock, dropped: Tensor | None) -> float:
    """Return what the linear half is multiplied by: where some is dropped, the rest is more."""
    return 1.0 if dropped is None else block.dropout.scale


def scale_up(values_O: Tensor, scale: float) -> Tensor:
    """Multiply weights or biases, or their gradients, of the linear half, which is the first."""
    if scale == 1.0:
        return values_O
    linear, gate = values_O.chunk(2)
    return torch.cat([linear * scale, gate])


def arrange(
    weight_OCk: Tensor, bias_O: Tensor, scale: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return weights as (kernel x channels, 2 out), and biases, scaled, in the given arithmetic."""
    weight_kCO = scale_up(weight_OCk, scale).permute(2, 1, 0)
    arranged = weight_kCO.new_empty(weight_kCO.shape, dtype=dtype).copy_(weight_kCO)
    return arranged.flatten(0, 1), scale_up(bias_O, scale).to(dtype)


def arrange_gradients(
    dweight_KO: Tensor, dbias_O: Tensor, scale: float, width: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return the gradients of what `arrange` was given, from those of what it returned."""
    dweight_OCk = dweight_KO.unflatten(0, (width, -1)).permute(2, 1, 0)
    given = dweight_OCk.new_empty(dweight_OCk.shape, dtype=dtype).copy_(dweight_OCk)
    return scale_up(given, scale), scale_up(dbias_O.to(dtype), scale)


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
        scale: float,
        dtype: torch.dtype,
        kernel: Kernel,
    ) -> Tensor:
        """Map (B, L, channels) to (B, N, 2 out)."""
        arranged, moved = arrange(weight, bias, scale, dtype)
        ctx.save_for_backward(x, arranged)
        ctx.kernel, ctx.scale, ctx.dtype = kernel, scale, weight.dtype
        return convolve(x, arranged, moved, kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of sequence, weight and bias."""
        x, arranged = ctx.saved_tensors
        kernel, dx = ctx.kernel, torch.empty_like(x)
        add_input_gradient(dx, dh, arranged, kernel, is_new=True)
        found = make_weight_gradient(x, dh, kernel), make_bias_gradient(dh)
        given = arrange_gradients(*found, ctx.scale, kernel.width, ctx.dtype)
        return dx, *given, None, None, None


class _Dense(torch.autograd.Function):
    """All dilated blocks: each writes beside what it reads, so that nothing is ever joined."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        kernels: Sequence[Kernel],
        masks: Sequence[Tensor | None],
        scales: Sequence[float],
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
        ctx.kernels = kernels
        ctx.scales = scales
        ctx.ends = ends
        ctx.dtype = weights[0].dtype
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
