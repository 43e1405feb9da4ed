"""The first convolution, which reads letters: what a kernel makes of three of them is looked up.

A position of one-hot sequence is one of five: A, C, G, T and N, which is nothing at all. Three
positions are one of 125, and what a part of the kernel that is three wide makes of them is a row of
a table. An output is then the sum of a few rows, a tenth of the work of the products. Sequence has
no gradient; that of the kernel is a matrix product over patches of one-hot sequence.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqcast.genome.codes import N
from seqcast.nn.one_hot import BASES

_LETTERS = 5
# Tables for more letters at once would not stay in a processor's cache.
_WORD = 3


def convolve_sequence(
    codes_BL: Tensor, weight_OCk: Tensor, bias_O: Tensor | None, stride: int
) -> Tensor:
    """Convolve one-hot sequence, given as codes (B, L) uint8, to (B, L / stride, O).

    The weight is (O, 4, kernel) of an odd kernel; beyond its ends there is nothing, N. Computed in
    the arithmetic of autocast, if any.
    """
    dtype = choose_dtype(weight_OCk)
    rows_MO = _ConvolveSequence.apply(codes_BL, weight_OCk, bias_O, stride, dtype)
    return rows_MO.view(len(codes_BL), codes_BL.shape[1] // stride, len(weight_OCk))


def choose_dtype(weight: Tensor) -> torch.dtype:
    """Return in which arithmetic to compute with a weight: autocast's, else its own."""
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


class _ConvolveSequence(torch.autograd.Function):
    """The rows of all windows, M = B x N."""

    @staticmethod
    def forward(
        ctx: Any,
        codes_BL: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        dtype: torch.dtype,
    ) -> Tensor:
        """Map codes (B, L) to (M, O)."""
        kernel = weight.shape[2]
        ctx.kernel, ctx.stride, ctx.dtype = kernel, stride, weight.dtype
        ctx.has_bias, ctx.is_looked_up = bias is not None, codes_BL.device.type == "cpu"
        if ctx.is_looked_up:
            ctx.save_for_backward(codes_BL)
            table = _make_table(weight, bias).to(dtype)
            return F.embedding_bag(_make_words(codes_BL, kernel, stride), table, mode="sum")
        # GPUs multiply faster than they look up, and have the memory to keep the patches.
        patches_MK = _make_patches(codes_BL, kernel, stride, dtype)
        ctx.save_for_backward(patches_MK)
        weight_KO = weight.new_zeros(patches_MK.shape[1], len(weight))
        weight_KO[: kernel * BASES] = weight.permute(2, 1, 0).flatten(0, 1)
        if bias is not None:
            weight_KO[kernel * BASES] = bias
        return patches_MK @ weight_KO.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dh_MO: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of weight and bias; letters have none."""
        (saved,) = ctx.saved_tensors
        patches_MK = saved
        if ctx.is_looked_up:
            patches_MK = _make_patches(saved, ctx.kernel, ctx.stride, dh_MO.dtype)
        dweight_KO = (patches_MK.T @ dh_MO).to(ctx.dtype)
        end = ctx.kernel * BASES
        dweight_OCk = dweight_KO[:end].unflatten(0, (ctx.kernel, BASES)).permute(2, 1, 0)
        return None, dweight_OCk, dweight_KO[end] if ctx.has_bias else None, None, None


def _make_words(codes_BL: Tensor, kernel: int, stride: int) -> Tensor:
    """Return which rows of the table to add up, int32 (M, words of a kernel)."""
    length, words = codes_BL.shape[1], -(-kernel // _WORD)
    # Where the last word is wider than what is left of the kernel, the table has nothing for it.
    ends = kernel // 2, kernel // 2 + words * _WORD - kernel
    codes_BL = F.pad(codes_BL, ends, value=N).int()
    word_BL = codes_BL[:, : 1 - _WORD]
    for position in range(1, _WORD):
        end = codes_BL.shape[1] - _WORD + 1 + position
        word_BL = word_BL * _LETTERS + codes_BL[:, position:end]
    word_BNg = word_BL.unfold(1, (words - 1) * _WORD + 1, stride)[:, : length // stride, ::_WORD]
    tables_g = torch.arange(words, dtype=torch.int32, device=codes_BL.device) * _LETTERS**_WORD
    return (word_BNg + tables_g).reshape(-1, words)


def _make_table(weight_OCk: Tensor, bias_O: Tensor | None) -> Tensor:
    """Return what each word at each position of the kernel adds, (words x 125, O)."""
    out, _, kernel = weight_OCk.shape
    taps_kCO = F.pad(weight_OCk, (0, -kernel % _WORD, 0, _LETTERS - BASES)).permute(2, 1, 0)
    first_gCO, *others = taps_kCO.unflatten(0, (-1, _WORD)).unbind(1)
    table_gwO = first_gCO
    for taps_gCO in others:
        table_gwO = (table_gwO[:, :, None] + taps_gCO[:, None]).flatten(1, 2)
    if bias_O is not None:
        # Each output adds up one row of each table, so the bias goes into one of them.
        table_gwO[0] += bias_O
    return table_gwO.reshape(-1, out)


def _make_patches(codes_BL: Tensor, kernel: int, stride: int, dtype: torch.dtype) -> Tensor:
    """Return the one-hot sequence under each output, (M, kernel x 4), then a one for the bias.

    Rows are filled up with zeros to a multiple of eight numbers, as tensor cores want them.
    """
    one_hot = torch.eye(_LETTERS, BASES, dtype=dtype, device=codes_BL.device)
    codes_BL = F.pad(codes_BL, (kernel // 2, kernel // 2), value=N)
    one_hot_BLC = F.embedding(codes_BL.int(), one_hot)
    patches_BNkC = one_hot_BLC.unfold(1, kernel, stride).transpose(2, 3)
    end = kernel * BASES
    rows_BNK = one_hot.new_zeros(*patches_BNkC.shape[:2], -(-(end + 1) // 8) * 8)
    rows_BNK[..., :end].unflatten(2, (kernel, BASES)).copy_(patches_BNkC)
    rows_BNK[..., end] = 1
    return rows_BNK.flatten(0, 1)
