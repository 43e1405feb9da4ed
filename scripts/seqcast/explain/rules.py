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
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.explain.objective import Exp, Log

# Below this a quotient of differences is noise, and the gradient in its place is right to as much.
_NO_DIFFERENCE = 1e-6
Rule = Callable[[Any, Tensor, Tensor, Tensor], Tensor]


def _rescale(module: nn.Module, x: Tensor, reference: Tensor, above: Tensor) -> Tensor:
    difference = x - reference
    quotient = (module.forward(x) - module.forward(reference)) / difference
    is_none = difference.abs() < _NO_DIFFERENCE
    return above * torch.where(is_none, _differentiate(module, x, torch.ones_like(x)), quotient)


def _share_product(module: nn.GLU, x: Tensor, reference: Tensor, above: Tensor) -> Tensor:
    a, b = x.chunk(2, module.dim)
    a_0, b_0 = reference.chunk(2, module.dim)
    gate, gate_0, difference = b.sigmoid(), b_0.sigmoid(), b - b_0
    slope = torch.where(
        difference.abs() < _NO_DIFFERENCE, gate * (1 - gate), (gate - gate_0) / difference
    )
    of_a, of_b = above * (gate + gate_0) / 2, above * (a + a_0) / 2 * slope
    return torch.cat([of_a, of_b], module.dim)


def _share_maximum(module: nn.MaxPool2d, x: Tensor, reference: Tensor, above: Tensor) -> Tensor:
    kernel = module.kernel_size
    out, at = F.max_pool2d(x, kernel, return_indices=True)
    out_0, at_0 = F.max_pool2d(reference, kernel, return_indices=True)
    larger = torch.maximum(out, out_0)
    shared = F.max_unpool2d(above * (larger - out_0), at, kernel, output_size=x.shape)
    shared += F.max_unpool2d(above * (out - larger), at_0, kernel, output_size=x.shape)
    difference = x - reference
    return torch.where(difference == 0, _differentiate(module, x, above), shared / difference)


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
    def forward(ctx: Any, x: Tensor, reference: Tensor, module: nn.Module, out: Tensor) -> Tensor:
        """Return what the module made of `x`."""
        ctx.save_for_backward(x, reference)
        ctx.module = module
        return out.clone()

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        """Turn multipliers of the output into those of the input."""
        x, reference = ctx.saved_tensors
        return RULES[type(ctx.module)](ctx.module, x, reference, above), None, None, None


def find_multipliers(
    function: nn.Module, x_BLC: Tensor, reference_BLC: Tensor
) -> tuple[Tensor, Tensor]:
    """Return DeepLIFT's multipliers of inputs against references, (B, L, 4), and a delta, (B,).

    `function` maps (B, L, 4) to (B,), and consists of linear modules and those of `RULES`. The
    delta is what multipliers times differences lack of the difference of outputs: rounding alone,
    where every module has its rule.
    """
    seen: deque[Tensor] = deque()
    with torch.no_grad(), _hooked(function, lambda _, x, __: seen.append(x[0])):
        out_0 = function(reference_BLC)
    x_BLC = x_BLC.detach().requires_grad_()
    # Modules are called in the same order again.
    with _hooked(
        function, lambda module, x, out: _Multiply.apply(x[0], seen.popleft(), module, out.detach())
    ):
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
