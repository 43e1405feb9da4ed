"""The processes that share one training."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessGroup:
    """How many processes share a training, and which of them this one is.

    What it adds up is the same in all of them afterwards; alone, it leaves things as they are.
    """

    rank: int = 0
    size: int = 1
    on_this_machine: int = 1

    @property
    def is_first(self) -> bool:
        """Say whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def share(self) -> tuple[int, int]:
        """Which windows of a batch are this process's own; see `sampling.find_shares`."""
        return self.rank, self.size

    def share_of(self, batch_size: int) -> int:
        """Return how many windows of a whole batch a process has at most."""
        return -(-batch_size // self.size)

    def divide(self, threads: int | None) -> int | None:
        """Return this process's part of the threads of its machine."""
        if self.on_this_machine == 1:
            return threads
        return max(1, (threads or len(os.sched_getaffinity(0))) // self.on_this_machine)

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(x)
        return x

    def min(self, number: int) -> int:
        """Return the smallest of all processes' numbers."""
        if self.size == 1:
            return number
        x = torch.tensor(number)
        distributed.all_reduce(x, distributed.ReduceOp.MIN)
        return int(x)

    def any(self, flag: bool) -> bool:
        """Say whether any process says so."""
        return self.min(int(not flag)) == 0

    def barrier(self) -> None:
        """Wait until all processes have come here."""
        self.any(False)


SINGLE = ProcessGroup()


@contextmanager
def joined(device: torch.device) -> Iterator[ProcessGroup]:
    """Join the processes that torchrun has started, until the end of the block."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # Flags and counts are exchanged on the CPU, so that asking for them holds up no GPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend)
    try:
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), local)
    finally:
        distributed.destroy_process_group()


def leave_with_parent() -> None:
    """Have the system send this process SIGTERM when its parent is gone.

    A launcher that was killed would otherwise leave processes that train on, unseen.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
