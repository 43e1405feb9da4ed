"""Rows of a training beside other work: how threads that wait for each other share a machine."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench.measuring import ROOT, Row

WINDOWS = 8
SECONDS = 3.0
# A worker takes steps for as many seconds as it is told, and prints its windows a second.
WORKER = f"""
import itertools, os, sys, time
if sys.argv[2] == "granted one core":
    os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
import seqcast
import numpy as np, torch
from seqcast.nn.device import set_threads
from seqcast.nn.loss import mean_loss
from seqcast.core.memory import keep_memory
from seqcast.nn import Network
from seqcast.settings import PRESETS, read_network
from seqcast.data.targets import Targets

keep_memory()
set_threads(int(sys.argv[1]), None)
settings = read_network(PRESETS["default"]["network"])
network = Network(settings, Targets.from_names([str(place) for place in range(10)])).train()
rng = np.random.default_rng(1)
codes = torch.from_numpy(rng.integers(0, 4, ({WINDOWS}, 16_384), dtype=np.uint8))
coverage = torch.from_numpy(rng.poisson(2, ({WINDOWS}, 128, 10)).astype(np.float32))
noise = torch.arange({WINDOWS}, dtype=torch.int32)
for line in itertools.chain(["0"], iter(sys.stdin.readline, "")):
    start, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - start < float(line):
        network.zero_grad()
        mean_loss(network(codes, noise), coverage).backward()
        steps += 1
    print(steps * {WINDOWS} / (time.perf_counter() - start), flush=True)
"""
# Threads, 0 for as many as seqcast takes, and what is set as a user would.
KINDS: Mapping[str, tuple[int, dict[str, str]]] = {
    "ours": (0, {}),
    "torch's own": (2, {"GOMP_SPINCOUNT": "300000"}),
    "passive": (2, {"OMP_WAIT_POLICY": "PASSIVE"}),
    "one thread": (1, {}),
}
# What goes on beside it: endless loops, and trainings of two threads.
OTHERS = {
    "beside nothing": (0, 0),
    # As a cluster's control group does.
    "granted one core": (0, 0),
    "beside another training": (0, 1),
    "beside two busy loops": (2, 0),
    "beside two busy loops and two trainings": (2, 2),
}


def measure_busy(rounds: int) -> list[Row]:
    """Return a row for each thing that may go on beside a training of preset `default`."""
    rows = []
    for what, (loops, trainings) in OTHERS.items():
        rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
        with ExitStack() as stack:
            workers = {
                kind: stack.enter_context(start_worker(threads, environment, what))
                for kind, (threads, environment) in KINDS.items()
            }
            with beside(loops, trainings):
                for _ in range(rounds):
                    for kind, worker in workers.items():
                        rates[kind].append(train_for(worker, SECONDS))
        middles = {kind: statistics.median(each) for kind, each in rates.items()}
        others = {kind: rate for kind, rate in middles.items() if kind != "ours"}
        wanted = "0.9 of torch's own" if what == "beside nothing" else "no less than one thread"
        rows.append(Row(f"training {what}", "windows/s", rates["ours"], others, wanted))
    return rows


@contextmanager
def start_worker(
    threads: int, environment: Mapping[str, str], what: str = ""
) -> Iterator[subprocess.Popen]:
    """Start a worker that waits to be told for how long to train; `what` as in `OTHERS`."""
    settings = {"PYTHONPATH": str(ROOT / "scripts"), **environment}
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(threads), what],
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        worker.stdout.readline()
        yield worker
    finally:
        worker.kill()
        worker.communicate()


def train_for(worker: subprocess.Popen, seconds: float) -> float:
    """Have a worker train, and return how many windows it made a second."""
    worker.stdin.write(f"{seconds}\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


@contextmanager
def beside(loops: int, trainings: int) -> Iterator[None]:
    """Keep the machine busy with endless loops and with trainings of two threads."""
    with ExitStack() as stack:
        for worker in [stack.enter_context(start_worker(2, {})) for _ in range(trainings)]:
            worker.stdin.write("1000000\n")
            worker.stdin.flush()
        for _ in range(loops):
            loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        yield
