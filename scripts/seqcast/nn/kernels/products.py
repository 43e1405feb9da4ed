"""Convolutions of (B, L, C) sequences as matrix products, the channels last in memory throughout.

A sequence is taken in blocks of as many positions as the stride: a block is a row of stride x C
numbers, and a kernel falls into parts, each of which lies in one block. An output is the sum over
the parts of a row times the part's weights. Nothing is padded or copied: where a part would look
beyond an end of the sequence, there are just fewer rows.

B windows, L positions, N of them after the stride, C channels in, O out, K = kernel's width x C.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Kernel(NamedTuple):
    """A kernel's width (odd), and either its stride or its dilation."""

    width: int
    stride: int = 1
    dilation: int = 1

    def parts(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield how many blocks away a part is, its position there, its first tap, how many it has.

        The part in an output's own block comes first.
        """
        positions = [(tap - self.width // 2) * self.dilation for tap in range(self.width)]
        shifts = [position // self.stride for position in positions]
        for shift in sorted(set(shifts), key=abs):
            first = shifts.index(shift)
            yield shift, positions[first] % self.stride, first, shifts.count(shift)


def convolve(x_BLC: Tensor, weight_KO: Tensor, bias_O: Tensor, kernel: Kernel) -> Tensor:
    """Return the convolution, (B, N, O)."""
    (_, own_BNK, taps), *others = _parts_of(x_BLC, kernel)
    h_BNO = own_BNK.new_empty(*own_BNK.shape[:2], len(bias_O))
    torch.addmm(bias_O, _rows(own_BNK), weight_KO[taps], out=_rows(h_BNO))
    for here, part_BnK, taps in others:
        h_BNO[:, here].baddbmm_(part_BnK, _for_each(part_BnK, weight_KO[taps]))
    return h_BNO


def add_input_gradient(
    dx_BLC: Tensor, dh_BNO: Tensor, weight_KO: Tensor, kernel: Kernel, *, is_new: bool = False
) -> None:
    """Add to the input's gradient what comes from the output's; write over it if it `is_new`."""
    (_, own_BNK, taps), *others = _parts_of(dx_BLC, kernel)
    if is_new and own_BNK.shape[2] < kernel.stride * dx_BLC.shape[2]:
        dx_BLC.zero_()
        is_new = False
    _rows(own_BNK).addmm_(_rows(dh_BNO), weight_KO[taps].T, beta=0 if is_new else 1)
    for here, part_BnK, taps in others:
        part_BnK.baddbmm_(dh_BNO[:, here], _for_each(part_BnK, weight_KO[taps].T))


def make_weight_gradient(x_BLC: Tensor, dh_BNO: Tensor, kernel: Kernel) -> Tensor:
    """Return the gradient of the weight, (K, O)."""
    (_, own_BNK, taps), *others = parts = list(_parts_of(x_BLC, kernel))
    width = kernel.width * x_BLC.shape[2]
    # Of a sequence shorter than the kernel some parts see nothing.
    is_whole = sum(taps.stop - taps.start for *_, taps in parts) == width
    make = dh_BNO.new_empty if is_whole else dh_BNO.new_zeros
    dweight_KO = make(width, dh_BNO.shape[2])
    torch.mm(_rows(own_BNK).T, _rows(dh_BNO), out=dweight_KO[taps])
    for here, part_BnK, taps in others:
        torch.sum(part_BnK.mT @ dh_BNO[:, here], 0, out=dweight_KO[taps])
    return dweight_KO


def make_bias_gradient(dh_BNO: Tensor) -> Tensor:
    """Return the gradient of the bias, (O,)."""
    if dh_BNO.device.type == "cpu":
        return dh_BNO.sum((0, 1))
    # A product with ones reads as fast as memory gives; a GPU's sum over rows is slower.
    rows_MO = _rows(dh_BNO)
    return (rows_MO.new_ones(1, len(rows_MO)) @ rows_MO)[0]


def _parts_of(x_BLC: Tensor, kernel: Kernel) -> Iterator[tuple[slice, Tensor, slice]]:
    """Yield for each part which outputs it reaches, what it reads for them, and its weights."""
    channels = x_BLC.shape[2]
    blocks_BNK = x_BLC.unflatten(1, (-1, kernel.stride)).flatten(2)
    count = blocks_BNK.shape[1]
    for shift, position, first, taps in kernel.parts():
        if abs(shift) < count:
            here = slice(max(0, -shift), min(count, count - shift))
            there = slice(here.start + shift, here.stop + shift)
            columns = slice(position * channels, (position + taps) * channels)
            part_BnK = blocks_BNK[:, there, columns]
            yield here, part_BnK, slice(first * channels, (first + taps) * channels)


def _rows(x_BNK: Tensor) -> Tensor:
    """Return the rows of all windows as one matrix, the same memory."""
    return x_BNK.view(-1, x_BNK.shape[2])


def _for_each(x_BNK: Tensor, weight: Tensor) -> Tensor:
    return weight.expand(len(x_BNK), -1, -1)
