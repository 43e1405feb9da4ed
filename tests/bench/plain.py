"""The chapter's network and flow as one would write them down: what the fast path must equal.

Everything here is meant to be read, and nothing to be fast. The network works on one-hot sequence
(B, 4, L); the parameters carry the names that `seqcast.nn.Network` gives them, so that weights
go from one to the other by `load_state_dict`.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqcast.settings import ModelSettings

SHIFT, CLIP, BETAS = 5, 0.01, (0.97, 0.98)


class Block(nn.Module):
    """A weight-normalised convolution, a gated linear unit and dropout."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.padding = dilation * (kernel // 2)
        self.direction = nn.Parameter(torch.randn(2 * out, channels, kernel))
        with torch.no_grad():
            self.direction /= (channels * kernel) ** 0.5
        self.length = nn.Parameter(self.direction.detach().flatten(1).norm(dim=1))
        self.bias = nn.Parameter(torch.zeros(2 * out))

    def forward(self, x: Tensor, dropout: float) -> Tensor:
        """Map (B, channels, L) to (B, out, L / stride)."""
        norm = self.direction.flatten(1).norm(dim=1)
        weight = self.direction * (self.length / norm)[:, None, None]
        h = F.conv1d(x, weight, self.bias, self.stride, self.padding, self.dilation)
        linear, gate = h.chunk(2, dim=1)
        return F.dropout(linear * torch.sigmoid(gate), dropout, self.training)


class Trunk(nn.Module):
    """Strided blocks, then dilated blocks, each of which reads everything before it."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.squeeze, self.dilated = nn.ModuleList(), nn.ModuleList()
        channels = 4
        for block in settings.squeeze:
            self.squeeze.append(Block(channels, block.out, block.kernel, block.stride, 1))
            channels = block.out
        for block in settings.dilated:
            self.dilated.append(Block(channels, block.out, block.kernel, 1, block.dilation))
            channels += block.out
        self.channels = channels

    def forward(self, h: Tensor) -> Tensor:
        """Map one-hot sequence (B, 4, L) to features (B, channels, N)."""
        for block, settings in zip(self.squeeze, self.settings.squeeze, strict=True):
            h = block(h, settings.dropout)
        for block, settings in zip(self.dilated, self.settings.dilated, strict=True):
            h = torch.cat([h, block(h, settings.dropout)], dim=1)
        return h


class PlainNetwork(nn.Module):
    """The chapter's network: log coverage (B, N, T) from one-hot sequence (B, 4, L)."""

    def __init__(self, settings: ModelSettings, targets: int) -> None:
        super().__init__()
        self.trunk = Trunk(settings)
        self.head = nn.Conv1d(self.trunk.channels, targets, 1)

    def forward(self, one_hot: Tensor) -> Tensor:
        """Map one-hot sequence to log coverage."""
        return self.head(self.trunk(one_hot)).transpose(1, 2)


def make_one_hot(codes: Tensor) -> Tensor:
    """Return codes (B, L), 0..3 and 4 = N, in floats (B, 4, L)."""
    return F.one_hot(codes.long(), 5)[..., :4].transpose(1, 2).to(torch.get_default_dtype())


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
    context: Callable[[], AbstractContextManager] = nullcontext,
) -> float:
    """Take one step, forward in a context such as autocast's, and return its loss."""
    optimizer.zero_grad()
    with context():
        loss = log_poisson(network(one_hot), coverage)
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
        return rolled.T.astype(np.float32), self.coverage[index].astype(np.float32)


def train(path: Path, settings: ModelSettings, *, epochs: int = 1, batch_size: int = 8) -> float:
    """Train on a `seq.h5` as the chapter does and return the last validation loss."""
    training, validation = Windows(path, "train"), Windows(path, "valid", 0)
    network = PlainNetwork(settings, training.coverage.shape[-1])
    optimizer = make_optimizer(network)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    loader = torch.utils.data.DataLoader(training, batch_size, shuffle=True)
    for _ in range(epochs):
        network.train()
        for one_hot, coverage in loader:
            train_step(network, optimizer, one_hot, coverage)
        schedule.step()
        network.eval()
        losses = []
        with torch.no_grad():
            for one_hot, coverage in torch.utils.data.DataLoader(validation, batch_size):
                losses.append(log_poisson(network(one_hot), coverage).item())
    return float(np.mean(losses))
