"""What is explained, of a window about a summit.

It is the mean over both strands of the natural logarithm of the predicted coverage, summed over the
bins within a radius of the summit, in training units; of several targets the mean of theirs. Where
a model predicts from one strand, it is that one's.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqcast.nn import Network


class Exp(nn.Module):
    """The exponential, as a module: hooks see it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return e to the power of each number."""
        return x.exp()


class Log(nn.Module):
    """The natural logarithm, as a module: hooks see it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithm of each number."""
        return x.log()


class Strand(NamedTuple):
    """One reading direction of a window, one-hot (B, L, 4): its bins and targets."""

    one_hot_BLC: Tensor
    bins: list[int]
    targets: list[int]


class Objective(nn.Module):
    """Say what is explained of windows, one number each.

    `bins` ascend, and are counted from the window's start, cropped ones too. One-hot sequence goes
    through each of the network's modules, where hooks see it, in 32 bits.
    """

    def __init__(
        self, network: Network, bins: Sequence[int], targets: Sequence[int], both_strands: bool
    ) -> None:
        super().__init__()
        self.network = network.eval()
        self.bins, self.targets = list(bins), list(targets)
        self.both_strands = both_strands
        self.exp, self.log = Exp(), Log()

    def strands(self, one_hot_BLC: Tensor) -> Iterator[Strand]:
        """Yield the window as it is read from each strand."""
        yield Strand(one_hot_BLC, self.bins, self.targets)
        if self.both_strands:
            last = one_hot_BLC.shape[1] // self.network.settings.bin_size - 1
            pairs = self.network.targets.strand_pair
            # A, C, G, T turned round are T, G, C, A: the complement.
            yield Strand(
                one_hot_BLC.flip(1, 2),
                [last - each for each in self.bins[::-1]],
                [pairs[each] for each in self.targets],
            )

    def of_rates(self, log_rate_BNT: Tensor) -> Tensor:
        """Return what is explained, (B,), of the log rates of one strand's bins and targets."""
        return self.log(self.exp(log_rate_BNT).sum(1)).mean(1)

    def forward(self, one_hot_BLC: Tensor) -> Tensor:
        """Return what is explained of windows, (B,)."""
        found = [
            self.of_rates(
                self.network(each.one_hot_BLC)[
                    :, [each_bin - self.network.crop for each_bin in each.bins]
                ][..., each.targets]
            )
            for each in self.strands(one_hot_BLC)
        ]
        return torch.stack(found).mean(0)
