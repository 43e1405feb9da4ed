"""Memory that is freed is used again."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from seqcast import memory

SCRIPT = """
import ctypes, resource, sys, torch
from seqcast.memory import keep_memory

# Pages of 4 kB: where the system gives 2 MB at once, hardly any are asked for in either case.
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
kept = keep_memory() if sys.argv[1] == "keep" else False
def count():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(12):
    torch.ones(10_000_000)
before = count()
for _ in range(3):
    torch.ones(10_000_000)
print(kept, count() - before)
"""


def run(how: str) -> tuple[str, int]:
    """Return whether memory is kept, and how often the system was asked for pages."""
    command = [sys.executable, "-c", SCRIPT, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="scripts")
    kept, faults = done.stdout.split()
    return kept, int(faults)


def test_memory_is_kept() -> None:
    kept, faults = run("keep")
    assert kept == "True"
    assert faults < 1000 < run("do not")[1]


def test_a_refusal_takes_what_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    granted: dict[int, int] = {}

    def mallopt(parameter: int, value: int) -> int:
        """Take thresholds as glibc did before 2.35."""
        if parameter == -3 and value > 32 << 20:
            return 0
        granted[parameter] = value
        return 1

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert memory.keep_memory()
    assert granted == {-1: (1 << 31) - 1, -3: 32 << 20}
