"""What only GPUs need: steps recorded once and repeated, and batches that fit their memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from seqcast.core.gpus import one_at_a_time
from seqcast.nn.device import Device

_WARM_UP = 3


class CudaGraph:
    """A function of one tensor, recorded once and then repeated at one command.

    A step of training is hundreds of small pieces of work; given one by one, the GPU waits for
    each (https://pytorch.org/docs/stable/notes/cuda.html). The function may change tensors in
    place, as an optimiser does, and must not look at values. It is called a few times first:
    `undo` undoes what that changes.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        example: Tensor,
        undo: Callable[[], None] = lambda: None,
    ) -> None:
        self._input = example.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                function(self._input)
        torch.cuda.current_stream().wait_stream(stream)
        undo()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = function(self._input)

    def __call__(self, x: Tensor) -> Tensor:
        """Repeat the function for a tensor of the example's shape; the result is the caller's."""
        self._input.copy_(x)
        self._graph.replay()
        return self._output.clone()


def remember(network: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """Return what puts network and optimiser back to what they are now, where they lie."""
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    averages = {
        parameter: {name: value.clone() for name, value in state.items()}
        for parameter, state in optimizer.state.items()
    }

    def undo() -> None:
        """Put all back."""
        network.load_state_dict(weights)
        for parameter, state in optimizer.state.items():
            for name, value in state.items():
                before = averages.get(parameter, {}).get(name)
                value.zero_() if before is None else value.copy_(before)

    return undo


def measuring_memory(device: torch.device) -> AbstractContextManager:
    """Return the context in which no other training on this GPU looks at what memory is free."""
    if device.type != "cuda":
        return nullcontext()
    return one_at_a_time(str(torch.cuda.get_device_properties(device).uuid))


def find_micro_batch(network: nn.Module, device: Device, window: int, size: int) -> int:
    """Return how many windows fit into the GPU's memory at once, `size` at most.

    Tried out on windows of nothing; the network is afterwards as it was.
    """
    before = {name: value.clone() for name, value in network.state_dict().items()}
    while size > 1 and not fits(network, device, window, size):
        size = -(-size // 2)
    network.load_state_dict(before)
    return size


def fits(network: nn.Module, device: Device, window: int, size: int) -> bool:
    """Say whether the gradients of a batch of windows fit into the GPU's memory."""
    codes = torch.zeros(size, window, dtype=torch.uint8, device=device.device)
    noise = torch.zeros(size, dtype=torch.int32, device=device.device)
    try:
        network.train()
        with device.autocast():
            log_rate = network(codes, noise)
        log_rate.sum().backward()
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        return False
    finally:
        network.zero_grad(set_to_none=True)
    # What was taken is kept: to other processes it is no longer free.
    return True
