"""What computes some modules of the plain networks faster, one file a kernel.

Each replacement is the module that it replaces with another `forward`: the same parameters, the
same result up to rounding (`tests/test_plain.py`). They read sequence as codes (B, 1, L) besides.
"""

from torch import nn

from seqcast.nn.gated import GatedTrunk
from seqcast.nn.kernels.conv import FastConv
from seqcast.nn.kernels.gated import FastGatedTrunk
from seqcast.nn.pooled import Conv

REPLACEMENTS: dict[type[nn.Module], type[nn.Module]] = {
    Conv: FastConv,
    GatedTrunk: FastGatedTrunk,
}


def use_kernels(network: nn.Module, mode: bool = True) -> None:
    """Put kernels in the place of what they replace, or (`False`) the plain modules back."""
    swap = REPLACEMENTS if mode else {fast: plain for plain, fast in REPLACEMENTS.items()}
    for module in network.modules():
        # Parameters and hooks stay: only the class, and with it `forward`, is another.
        module.__class__ = swap.get(type(module), type(module))
