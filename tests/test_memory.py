"""Memory that is freed is used again."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from seqcast.core import memory

SCRIPT = """
import ctypes, resource, torch
from seqcast.core.memory import keep_memory

# Pages of 4 kB: where the system gives 2 MB at once, hardly any are asked for in either case.
PR_SET_THP_DISABLE = 41
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
def count():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def count_faults():
    for _ in range(12):
        torch.ones(10_000_000)
    before = count()
    for _ in range(3):
        torch.ones(10_000_000)
    return count() - before
print(count_faults(), keep_memory(), count_faults())
"""


def test_memory_is_kept() -> None:
    """How often the system is asked for pages, before and after it is told to keep them."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="scripts")
    before, kept, after = done.stdout.split()
    assert kept == "True"
    assert int(after) < 1000 < int(before)


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
