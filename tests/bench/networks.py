"""Rows of the network alone: a training step and a prediction, beside torch's own modules."""

import ctypes
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
import torch
from bench.measuring import Row, compare, interleave, skip
from bench.plain import make_optimizer, train_step

from seqcast.core.memory import keep_memory
from seqcast.data.targets import Targets
from seqcast.nn import Network, to_one_hot
from seqcast.nn.device import choose_device
from seqcast.nn.loss import mean_loss
from seqcast.settings import PRESETS, read_network

LENGTH, BINS, TARGETS = 131_072, 1024, 10
Context = Callable[[], AbstractContextManager]
WANTED = {
    ("train", "float32"): "1.3x plain float32",
    ("train", "bfloat16"): "2.8x plain float32, 1.15x plain bfloat16",
    ("predict", "float32"): "1.6x plain float32",
    ("predict", "bfloat16"): "2.5x plain float32",
}


class Setting:
    """Both networks of the course, and a batch of windows."""

    def __init__(self, windows: int) -> None:
        torch.manual_seed(1)
        settings = read_network(PRESETS["course"]["network"])
        targets = Targets.from_names([str(place) for place in range(TARGETS)])
        self.windows = windows
        self.network = Network(settings, targets)
        self.plain = Network(settings, targets).plain()
        self.optimizers = {each: make_optimizer(each) for each in (self.network, self.plain)}
        rng = np.random.default_rng(1)
        self.codes = torch.from_numpy(rng.integers(0, 4, (windows, LENGTH), dtype=np.uint8))
        self.one_hot = to_one_hot(self.codes)
        shape = windows, BINS, TARGETS
        self.coverage = torch.from_numpy(rng.poisson(2, shape).astype(np.float32))
        self.noise = torch.arange(windows, dtype=torch.int32)

    def train(self, context: Context = nullcontext) -> None:
        """Take a step as seqcast does."""
        optimizer = self.optimizers[self.network]
        optimizer.zero_grad(set_to_none=True)
        with context():
            loss = mean_loss(self.network.train()(self.codes, self.noise), self.coverage)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 0.01)
        optimizer.step()

    def train_plain(self, context: Context = nullcontext) -> None:
        """Take a step of the plain network."""
        optimizer = self.optimizers[self.plain]
        plain = self.plain.train()
        train_step(plain, optimizer, self.one_hot, self.coverage, self.noise, context)

    @torch.inference_mode()
    def predict(self, context: Context = nullcontext) -> None:
        """Predict as seqcast does."""
        with context():
            self.network.eval()(self.codes)

    @torch.inference_mode()
    def predict_plain(self, context: Context = nullcontext) -> None:
        """Predict with the plain network."""
        with context():
            self.plain.eval()(self.one_hot)


def measure_networks(kind: str, rounds: int, windows: int) -> list[Row]:
    """Return the rows of one kind, `train` or `predict`, in each arithmetic the CPU has."""
    setting = Setting(windows)
    ours, plain = (
        (setting.train, setting.train_plain)
        if kind == "train"
        else (setting.predict, setting.predict_plain)
    )
    functions = {"float32": ours, "plain float32": plain}
    if choose_device("cpu").precision == "bfloat16":
        autocast = partial(torch.autocast, "cpu", torch.bfloat16)
        functions["bfloat16"] = partial(ours, autocast)
        functions["plain bfloat16"] = partial(plain, autocast)
    # Both have the memory that a program of their own would have.
    settings = {name: give_memory if "plain" in name else keep_memory for name in functions}
    seconds = interleave(functions, rounds, settings)
    rows = []
    for precision in ("float32", "bfloat16"):
        what = f"{kind}, CPU, {precision}, batch {windows}, {torch.get_num_threads()} threads"
        if precision not in seconds:
            rows.append(skip(what, "this CPU computes no bfloat16"))
            continue
        beside = {
            f"times {other}:": compare(seconds, precision, other)
            for other in seconds
            if other.startswith("plain")
        }
        rates = [windows / each for each in seconds[precision]]
        rows.append(Row(what, "windows/s", rates, beside, WANTED[kind, precision]))
    return rows


def give_memory() -> None:
    """Give memory that is freed back to the system, as glibc does unless it is told otherwise."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 32 << 20)  # what its threshold comes to once tensors of some size were freed
    libc.mallopt(-1, 64 << 20)
    libc.malloc_trim(0)
