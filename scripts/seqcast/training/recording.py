"""Work of a GPU that is recorded once and then repeated at one command.

A step of training is hundreds of small pieces of work; given one by one, the GPU waits for each.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UP = 3


class Recorded:
    """A function of one tensor, as a CUDA graph: https://pytorch.org/docs/stable/notes/cuda.html.

    It may change tensors in place, as an optimiser does, and must not look at values. It is called
    a few times first: undo what that changes by `undo`.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        example: Tensor,
        undo: Callable[[], None] = lambda: None,
    ) -> None:
        self._given = example.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                function(self._given)
        torch.cuda.current_stream().wait_stream(stream)
        undo()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found = function(self._given)

    def __call__(self, x: Tensor) -> Tensor:
        """Repeat the function for a tensor of the example's shape; the result is the caller's."""
        self._given.copy_(x)
        self._graph.replay()
        return self._found.clone()
