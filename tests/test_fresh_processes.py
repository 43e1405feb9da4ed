"""Fresh processes compute the same, to the last bit, with two threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
# What libraries decide when they are loaded or first called is decided anew in each process.
STEP = """
import hashlib, sys
import seqcast
import numpy as np, torch
from seqcast.nn.loss import mean_loss
from seqcast.nn import Network
from seqcast.settings import PRESETS, read_network
from seqcast.data.targets import Targets

torch.set_num_threads(2)
torch.manual_seed(0)
settings = read_network(PRESETS[sys.argv[1]]["network"])
network = Network(settings, Targets.from_names([str(place) for place in range(10)])).train()
rng = np.random.default_rng(0)
codes = torch.from_numpy(rng.integers(0, 4, (4, 16_384), dtype=np.uint8))
coverage = torch.from_numpy(rng.poisson(2, (4, 128, 10)).astype(np.float32))
loss = mean_loss(network(codes, torch.arange(4, dtype=torch.int32)), coverage)
loss.backward()
digest = hashlib.sha256(loss.detach().numpy().tobytes())
for parameter in network.parameters():
    digest.update(parameter.grad.contiguous().numpy().tobytes())
print(digest.hexdigest())
"""


def run_fresh(code: str, *words: str, **environment: str) -> str:
    """Run Python code in a process of its own, without this one's settings of threads."""
    unset = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_CBWR", "OMP_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**kept, "PYTHONPATH": str(SCRIPTS), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "course"])
def test_twenty_processes_take_the_same_first_step(preset: str) -> None:
    assert len({run_fresh(STEP, preset) for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "1000 None AUTO"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None ACTIVE AUTO"),
        ({"GOMP_SPINCOUNT": "7", "MKL_CBWR": "COMPATIBLE"}, "7 None COMPATIBLE"),
    ],
)
def test_what_threads_are_told_before_torch_is_loaded(given: dict[str, str], wanted: str) -> None:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MKL_CBWR")
    code = "import os, sys, seqcast; assert 'torch' not in sys.modules;"
    assert run_fresh(f"{code} print(*map(os.environ.get, {names}))", **given) == wanted
