"""DeepLIFT's rules: how the difference of two outputs is shared out among inputs' differences.

Of a linear module a multiplier is its gradient. Of the others (Shrikumar et al. 2017,
arXiv:1704.02685) it is such that multipliers times differences of inputs add up to the difference
of outputs:

- one number in, one out (GELU, exp, log): the quotient of both differences (the rescale rule);
- a gate, a x sigmoid(b): half of each factor's change goes with the other as it is, half with the
  other as it was in the reference (the product rule, as Shapley values have it);
- max-pooling: what the larger maximum rises above the reference's goes to where the sequence has
  its own, what it falls to the sequence's goes to where the reference has its own.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.explain.objective import Exp, Log

# Below this a quotient of differences is noise, and the gradient in its place is right to as much.
_NO_DIFFERENCE = 1e-6


class Pair(NamedTuple):
    """What a module reads and makes of sequence, and of references."""

    x: Tensor
    out: Tensor
    x_0: Tensor
    out_0: Tensor


Rule = Callable[[Any, Pair, Tensor], Tensor]


def _rescale(module: nn.Module, pair: Pair, above: Tensor) -> Tensor:
    difference = pair.x - pair.x_0
    gradient = above * (pair.out - pair.out_0) / difference
    is_none = difference.abs() < _NO_DIFFERENCE
    return torch.where(is_none, _differentiate(module, pair.x, above), gradient)


def _share_product(module: nn.GLU, pair: Pair, above: Tensor) -> Tensor:
    a, b = pair.x.chunk(2, module.dim)
    a_0, b_0 = pair.x_0.chunk(2, module.dim)
    gate, gate_0, difference = b.sigmoid(), b_0.sigmoid(), b - b_0
    slope = torch.where(
        difference.abs() < _NO_DIFFERENCE, gate * (1 - gate), (gate - gate_0) / difference
    )
    of_a, of_b = above * (gate + gate_0) / 2, above * (a + a_0) / 2 * slope
    return torch.cat([of_a, of_b], module.dim)


def _share_maximum(module: nn.MaxPool2d, pair: Pair, above: Tensor) -> Tensor:
    x, x_0 = pair.x.flatten(2), pair.x_0.flatten(2)
    out, out_0, above = (each.flatten(2) for each in (pair.out, pair.out_0, above))
    at, at_0 = (
        F.max_pool2d(each, module.kernel_size, return_indices=True)[1].flatten(2)
        for each in (pair.x, pair.x_0)
    )
    larger = torch.maximum(out, out_0)
    difference, difference_0 = out - x_0.gather(2, at), x.gather(2, at_0) - out_0
    share, share_0 = (larger - out_0) / difference, (out - larger) / difference_0
    # What does not differ has the ordinary gradient.
    share[difference == 0], share_0[difference_0 == 0] = 1, 0
    shared = torch.zeros_like(x).scatter_(2, at, above * share)
    return shared.scatter_add_(2, at_0, above * share_0).view_as(pair.x)


RULES: dict[type[nn.Module], Rule] = {
    nn.GELU: _rescale,
    Exp: _rescale,
    Log: _rescale,
    nn.GLU: _share_product,
    nn.MaxPool2d: _share_maximum,
}


def _differentiate(module: nn.Module, x: Tensor, above: Tensor) -> Tensor:
    """Return the ordinary gradient."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(module.forward(x), x, above)[0]


class _Multiply(torch.autograd.Function):
    """A module's output, whose backward pass follows its rule instead of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, module: nn.Module, pair: Pair) -> Tensor:
        """Return what the module made of `x`."""
        ctx.save_for_backward(*pair)
        ctx.module = module
        return pair.out.clone()

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        """Turn multipliers of the output into those of the input."""
        pair = Pair(*ctx.saved_tensors)
        return RULES[type(ctx.module)](ctx.module, pair, above), None, None


def compute_multipliers(
    function: nn.Module, x_BLC: Tensor, reference_BLC: Tensor
) -> tuple[Tensor, Tensor]:
    """Return DeepLIFT's multipliers of inputs against references, (B, L, 4), and a delta, (B,).

    `function` maps (B, L, 4) to (B,), and consists of linear modules and those of `RULES`. The
    delta is what multipliers times differences lack of the difference of outputs: rounding alone,
    where every module has its rule.
    """
    seen: deque[tuple[Tensor, Tensor]] = deque()

    def keep(_: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
        """Note what a module reads and makes of the references."""
        seen.append((given[0], out))

    def follow_rule(module: nn.Module, given: tuple[Tensor], out: Tensor) -> Tensor:
        """Put what follows its rule in the place of what a module made."""
        # Modules are called in the same order again.
        pair = Pair(given[0].detach(), out.detach(), *seen.popleft())
        return _Multiply.apply(given[0], module, pair)

    with torch.no_grad(), _hooked(function, keep):
        out_0 = function(reference_BLC)
    x_BLC = x_BLC.detach().requires_grad_()
    with _hooked(function, follow_rule):
        out = function(x_BLC)
    multipliers_BLC = torch.autograd.grad(out.sum(), x_BLC)[0]
    found = (multipliers_BLC * (x_BLC - reference_BLC)).sum((1, 2)).detach()
    return multipliers_BLC, found - (out.detach() - out_0)


@contextmanager
def _hooked(function: nn.Module, hook: Callable[..., Tensor | None]) -> Iterator[None]:
    handles = [
        module.register_forward_hook(hook) for module in function.modules() if type(module) in RULES
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
