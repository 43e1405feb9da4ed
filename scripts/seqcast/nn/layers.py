"""A network as a list of layers, each of which reads so far: `predict/kept.py` computes parts.

Trunks are free to have a height of one before the positions, which come last.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """A convolution, and what is done before and after it, position by position.

    `conv` has `weight`, (O, C, ..., kernel). Position q of what it makes reads the positions
    q x stride + each of `taps`; `pool` of them become one output. `after` is given that, and where
    the layer `adds` to what it reads, that as well.
    """

    before: Callable[[Tensor], Tensor]
    conv: nn.Module
    after: Callable[[Tensor | None, Tensor], Tensor]
    taps: np.ndarray
    stride: int = 1
    pool: int = 1
    adds: bool = False

    def list_changed(self, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs that inputs can change, ascending; some may lie beyond the ends."""
        moved = inputs[:, None] - self.taps
        positions = moved[moved % self.stride == 0] // self.stride
        return np.unique(positions // self.pool)

    def list_positions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the positions of the convolution that outputs are made of, (outputs x pool,)."""
        return (outputs[:, None] * self.pool + np.arange(self.pool)).ravel()

    def list_read(self, outputs: np.ndarray) -> np.ndarray:
        """Return the inputs that outputs read, (outputs x pool, taps)."""
        return self.list_positions(outputs)[:, None] * self.stride + self.taps
