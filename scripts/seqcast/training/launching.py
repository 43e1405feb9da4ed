"""Start the processes that share a training, on one machine or on the nodes of a Slurm job."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from seqcast.console import log
from seqcast.disk import write_text
from seqcast.errors import SeqcastError, Stopped
from seqcast.training.task import Task

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_LIBRARY = Path(__file__).parents[2]
_PORTS = 29_500, 10_000


def launch(task: Task) -> None:
    """Train with several processes under torchrun, and wait for them.

    Raises `Stopped` where they had to leave, `SystemExit` where one failed; they have said why.
    """
    task.checkpoints.mkdir(parents=True, exist_ok=True)
    path = task.checkpoints / "task.json"
    write_text(path, task.model_dump_json(indent=2))
    command = make_command(task.processes, path, os.environ)
    log.info("starting %d processes: %s", task.processes, " ".join(command[:-2]))
    process = subprocess.Popen(command, env=_make_environment())
    before = {each: signal.signal(each, lambda n, _: process.send_signal(n)) for each in _SIGNALS}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code == Stopped.exit_code:
        raise Stopped("stopped and saved; the same command goes on from there")
    if code:
        raise SystemExit(1)


def _make_environment() -> dict[str, str]:
    paths = filter(None, (str(_LIBRARY), os.environ.get("PYTHONPATH")))
    # torchrun sets it to 1 where it is not set, and says so at length; each process sets its own.
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": threads}


def make_command(processes: int, task: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the command that starts all processes.

    In a Slurm job of several nodes that is one torchrun a node, each with its part of them.
    """
    nodes = int(environment.get("SLURM_JOB_NUM_NODES", "1"))
    if processes % nodes:
        raise SeqcastError(
            f"{processes} processes do not divide among {nodes} nodes; ask for a multiple, so that"
            " each node has as many GPUs"
        )
    agent = [sys.executable, "-m", "seqcast.training.agent"]
    agent += [f"--nnodes={nodes}", f"--nproc-per-node={processes // nodes}"]
    worker = ["-m", "seqcast.training.worker", str(task)]
    if nodes == 1:
        return [*agent, "--standalone", *worker]
    job = environment["SLURM_JOB_ID"]
    first, ports = _PORTS
    # Jobs that share a node must not meet at one port.
    where = f"{_find_first_node(environment)}:{first + int(job) % ports}"
    agent += ["--rdzv-backend=c10d", f"--rdzv-endpoint={where}", f"--rdzv-id={job}"]
    # This may itself run within a step of the job, which holds all that the job has.
    srun = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    return [*srun, f"--gpus-per-node={processes // nodes}", *agent, *worker]


def _find_first_node(environment: Mapping[str, str]) -> str:
    """Return the first of a job's nodes, out of a list like `gpu[03-04,07],fat1`."""
    nodes = environment["SLURM_JOB_NODELIST"]
    head, bracket, rest = nodes.partition("[")
    if not bracket or "," in head:
        return nodes.partition(",")[0]
    return head + rest.partition("]")[0].partition(",")[0].partition("-")[0]
