"""Start the processes that share a training, on one machine or on the nodes of a Slurm job.

As a program this module is torchrun: `python -m seqcast.training.launch`, with its own options.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from seqcast.core.console import log
from seqcast.core.disk import write_text
from seqcast.core.errors import SeqcastError, Stopped
from seqcast.training import worker as process
from seqcast.training.process_group import leave_with_parent
from seqcast.training.task import Task

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_LIBRARY = Path(__file__).parents[2]
_PORTS = 29_500, 10_000
_OF_THE_JOB = {"SLURM_JOB_ID", "SLURM_CONF"}


def launch_processes(task: Task) -> None:
    """Train with several processes under torchrun, and wait for them.

    Raises `Stopped` where they had to leave, `SeqcastError` where something ended torchrun,
    `SystemExit` where a process failed; it has said why.
    """
    task.checkpoints.mkdir(parents=True, exist_ok=True)
    path = task.checkpoints / "task.json"
    write_text(path, task.model_dump_json(indent=2))
    command = make_command(task, path, socket.gethostname(), os.environ.get("SLURM_JOB_ID", "0"))
    log.info("starting %d processes: %s", task.processes, " ".join(command[:-2]))
    # In a session of its own: Ctrl-C would reach each process by itself, and once more from here.
    process = subprocess.Popen(
        command, env=make_environment(os.environ, task.nodes), start_new_session=True
    )
    told: list[int] = []

    def tell(number: int, _: FrameType | None) -> None:
        """Have all processes save and leave, once: told again they would not wait for that."""
        if not told:
            process.terminate()
        told.append(number)

    before = {each: signal.signal(each, tell) for each in _SIGNALS}
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code == Stopped.exit_code:
        raise Stopped("stopped and saved; the same command goes on from there")
    # torchrun itself ended, and said nothing: before it has begun it cannot leave in order.
    if told and code == -signal.SIGTERM:
        raise Stopped("stopped before it began; the same command goes on")
    if code < 0:
        name = signal.Signals(-code).name
        raise SeqcastError(f"the processes were ended by {name}; the same command goes on")
    if code:
        raise SystemExit(1)


def make_environment(environment: Mapping[str, str], nodes: int = 1) -> dict[str, str]:
    """Return the environment in which the processes are started."""
    paths = filter(None, (str(_LIBRARY), environment.get("PYTHONPATH")))
    made = {
        **environment,
        "PYTHONPATH": os.pathsep.join(paths),
        # torchrun sets it to 1 where it is not set, and says so at length.
        "OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", "1"),
    }
    if nodes > 1:
        # This runs within a step that has one node; the new step is to have all of the job's.
        step = {name for name in made if name.startswith("SLURM_")} - _OF_THE_JOB
        made = {name: value for name, value in made.items() if name not in step}
    return made


def make_command(task: Task, path: Path, host: str, job: str) -> list[str]:
    """Return the command that starts all processes of the task in a file.

    On several nodes of a Slurm `job` that is one torchrun a node, each with its part of them; they
    meet at `host`, the first of the nodes.
    """
    processes, nodes = task.processes, task.nodes
    if processes % nodes:
        raise SeqcastError(
            f"{processes} processes do not divide among {nodes} nodes; set train.processes to a"
            " multiple, so that each node has as many"
        )
    agent = [sys.executable, "-m", "seqcast.training.launch"]
    agent += [f"--nnodes={nodes}", f"--nproc-per-node={processes // nodes}"]
    worker = ["-m", process.__name__, str(path)]
    if nodes == 1:
        return [*agent, "--standalone", *worker]
    # Jobs that share a node must not meet at one port.
    first, ports = _PORTS
    agent += ["--rdzv-backend=c10d", f"--rdzv-endpoint={host}:{first + int(job) % ports}"]
    srun = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    if task.training.device != "cpu" and task.gpus:
        srun.append(f"--gpus-per-node={processes // nodes}")
    return [*srun, *agent, f"--rdzv-id={job}", *worker]


def run_agent() -> int:
    """Run torchrun with its own options; return the exit code of the first process that failed.

    A process that fails has said why; torchrun's own account of it would only hide that.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main

    leave_with_parent()
    try:
        main()
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        # The first to leave has torchrun end the others, who have saved by then as well.
        is_stopped = Stopped.exit_code in codes and codes <= {Stopped.exit_code, -signal.SIGTERM}
        return Stopped.exit_code if is_stopped else 1
    except SignalException:
        # The processes were told, and had half a minute to save themselves.
        return Stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run_agent())
