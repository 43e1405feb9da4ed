"""The chapter's training as one would write it down: what seqcast must equal, and is faster than.

Everything here is meant to be read, and nothing to be fast. The network is `seqcast.nn`'s own, of
torch's modules alone; it reads one-hot sequence (B, L, 4).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.settings import NetworkSettings

SHIFT, CLIP, BETAS = 5, 0.01, (0.97, 0.98)


def log_poisson(log_rate: Tensor, coverage: Tensor) -> Tensor:
    """Return the chapter's loss: mean(exp(x) - t x) - mean(t - t log t)."""
    mean = (log_rate.exp() - coverage * log_rate).mean()
    return mean - (coverage - torch.xlogy(coverage, coverage)).mean()


def make_optimizer(network: nn.Module) -> torch.optim.Optimizer:
    """Return the chapter's Adam."""
    return torch.optim.Adam(network.parameters(), lr=1e-3, betas=BETAS, eps=1e-8)


def train_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    one_hot: Tensor,
    coverage: Tensor,
    noise: Tensor | None = None,
    context: Callable[[], AbstractContextManager] = nullcontext,
) -> float:
    """Take one step, forward in a context such as autocast's, and return its loss."""
    optimizer.zero_grad()
    with context():
        loss = log_poisson(network(one_hot, noise), coverage)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    return loss.item()


class Windows(torch.utils.data.Dataset):
    """The windows of a `seq.h5`, all in memory, rolled by a few bases as they are taken."""

    def __init__(self, path: Path, split: str, shift: int = SHIFT) -> None:
        with h5py.File(path) as file:
            self.one_hot = file[f"{split}_in"][:]
            self.coverage = file[f"{split}_out"][:]
        self.shift, self.random = shift, np.random.default_rng(1)

    def __len__(self) -> int:
        return len(self.one_hot)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        shift = int(self.random.integers(-self.shift, self.shift, endpoint=True))
        rolled = np.roll(self.one_hot[index], shift, 0)
        return rolled.astype(np.float32), self.coverage[index].astype(np.float32)


def train(path: Path, settings: NetworkSettings, *, epochs: int = 1, batch_size: int = 8) -> float:
    """Train on a `seq.h5` as the chapter does and return the last validation loss."""
    training, validation = Windows(path, "train"), Windows(path, "valid", 0)
    names = [str(index) for index in range(training.coverage.shape[-1])]
    network = Network(settings, Targets.from_names(names)).plain()
    optimizer = make_optimizer(network)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loader = torch.utils.data.DataLoader(training, batch_size, shuffle=True)
    for _ in range(epochs):
        network.train()
        for one_hot, coverage in loader:
            noise = torch.randint(-(1 << 31), 1 << 31, (len(one_hot),), dtype=torch.int32)
            train_step(network, optimizer, one_hot, coverage, noise)
        schedule.step()
        network.eval()
        losses = []
        with torch.no_grad():
            for one_hot, coverage in torch.utils.data.DataLoader(validation, batch_size):
                losses.append(log_poisson(network(one_hot), coverage).item())
    return float(np.mean(losses))
