"""Measure functions side by side, and what jobs of a workflow take."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_MOST_BESIDE = 3


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, in which unit, beside what, and what is wanted."""

    what: str
    unit: str
    values: list[float]
    beside: dict[str, float] = field(default_factory=dict)
    wanted: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells: what, median, spread, comparison, wanted."""
        if not self.values:
            return self.what, "skipped", self.unit, "", self.wanted
        low, middle, high = (_write(each(self.values)) for each in (min, statistics.median, max))
        beside = [f"{name} {_write(value)}" for name, value in self.beside.items()]
        if len(beside) > _MOST_BESIDE:
            beside[_MOST_BESIDE:] = [f"{len(beside) - _MOST_BESIDE} more in the JSON"]
        return (
            self.what,
            f"{middle} {self.unit}",
            f"{low} to {high}" if len(self.values) > 1 else "",
            ", ".join(beside),
            self.wanted,
        )

    def as_dict(self) -> dict:
        """Return all of it, for JSON."""
        median = statistics.median(self.values) if self.values else None
        return {**asdict(self), "median": median}


def _write(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def skip(what: str, why: str) -> Row:
    """Return a line for what cannot be measured here."""
    return Row(what, why, [])


def interleave(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    prepare: Mapping[str, Callable[[], object]] | None = None,
    *,
    warm_up: bool = True,
) -> dict[str, list[float]]:
    """Return the seconds of each function, called one after the other, round after round.

    What else goes on in the machine then slows all of them. Before each measured call there is one
    that is not, to `warm_up`, after what `prepare` has for the function.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            if prepare:
                prepare[name]()
            if warm_up:
                function()
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def compare(seconds: Mapping[str, list[float]], ours: str, other: str) -> float:
    """Return how many times as long the other took, the median over the rounds."""
    pairs = zip(seconds[other], seconds[ours], strict=True)
    return statistics.median(theirs / mine for theirs, mine in pairs)


@dataclass
class Job:
    """What a job of a workflow took: seconds with all its imports, largest memory in MB."""

    seconds: float = 0.0
    memory: float = 0.0


def run_snakemake(folder: Path, config: Path, *words: str) -> tuple[float, dict[str, Job]]:
    """Run Snakemake; return its seconds, and its jobs by their script's name."""
    command = [sys.executable, "-m", "snakemake", *words, "--configfile", str(config)]
    start = time.perf_counter()
    process = psutil.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    jobs: dict[str, Job] = {}
    started: dict[str, float] = {}
    with open(folder / "bench.log", "a+") as log:
        while process.poll() is None:
            _look(process, jobs, started)
            time.sleep(0.05)
        said = process.stdout.read()
        log.write(said)
    if process.returncode:
        raise RuntimeError(said[-3000:])
    return time.perf_counter() - start, jobs


def _look(process: psutil.Process, jobs: dict[str, Job], started: dict[str, float]) -> None:
    """Note time and memory of the scripts that run now."""
    try:
        children = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for child in children:
        try:
            scripts = [word for word in child.cmdline() if "/scripts/tmp" in word]
            memory = child.memory_info().rss / 1e6
            born = child.create_time()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if not scripts:
            continue
        # Snakemake runs a copy of the script, `tmp<letters>.<name>.py`.
        name = Path(scripts[-1]).name.split(".", 1)[1].removesuffix(".py")
        job = jobs.setdefault(name, Job())
        job.memory = max(job.memory, memory)
        job.seconds = max(job.seconds, time.time() - started.setdefault(name, born))


def run_quietly(
    command: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command in a folder, and raise what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-3000:])
