"""A real Slurm of two nodes on this machine, with make-believe GPUs, for as long as tests run."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sacct")
NODES = ("n1", "n2")
# Only what hangs takes so long, however busy the machine.
SECONDS = 600
# Debian keeps daemons where the PATH of an ordinary shell does not look.
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
# More processors and memory than this machine has may be promised: nothing here is that large.
CONFIG = """
ClusterName=seqcast
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,defer_batch
ReturnToService=2
KillWait=30
MinJobAge=3600
NodeName=DEFAULT CPUs=64 RealMemory=200000 Gres=gpu:2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_of_n1}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_of_n2}
PartitionName=gpu Nodes=n1,n2 Default=YES MaxTime=1440 State=UP
"""
# A count alone is refused: each device is a file.
GPUS = "NodeName=n1,n2 Name=gpu File=/dev/null\nNodeName=n1,n2 Name=gpu File=/dev/zero\n"
# The plugin takes every SLURM_ variable away before it starts a step.
SRUN = """#!/bin/sh
SLURM_CONF="{folder}/slurm.conf" exec "{program}" "$@"
"""
# The plugin asks less and less often how its jobs do, which tests would wait for: its question is
# answered when another job has ended, or after a while.
SQUEUE = """#!/bin/sh
case "$*" in *--states=all*) ;; *) exec "{program}" "$@" ;; esac
for name; do :; done
before="{folder}/ended.$name"
for _ in $(seq 100); do
  said=$("{program}" "$@") || exit
  ended=$(printf '%s\\n' "$said" | grep -cvE 'PENDING|CONFIGURING|RUNNING|COMPLETING|^$')
  [ "$ended" = "$(cat "$before" 2>/dev/null || echo 0)" ] || break
  [ ! -e "{folder}/at.once" ] || break
  sleep 0.3
done
echo "$ended" > "$before"
printf '%s\\n' "$said"
"""


def find_missing() -> str:
    """Return why there can be no Slurm here, or nothing."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurmctld slurmd slurm-client munge"
    return "" if os.getuid() == 0 else "only root may start slurmd here"


@dataclass
class Slurm:
    """A running Slurm, and what it knows of its jobs."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a shell has to know to talk to it."""
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}:{PATH}",
        }

    def ask(self, *words: str) -> str:
        """Run one of Slurm's commands; return what it says."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, check=True, timeout=SECONDS
        )
        return done.stdout

    @contextmanager
    def answer_at_once(self) -> Iterator[None]:
        """Let no question of the plugin's wait for an answer."""
        mark = self.folder / "at.once"
        mark.touch()
        while self.is_asked():
            time.sleep(0.1)
        time.sleep(2)  # For the plugin to read what it was answered.
        yield
        mark.unlink()

    def is_asked(self) -> bool:
        """Say whether a question of the plugin's waits for an answer."""
        shim = str(self.folder / "bin/squeue").encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if shim in path.read_bytes().split(b"\0"):
                    return True
        return False

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """Return all that is known of each job of a folder, in the order of their submission."""
        lines = self.ask("scontrol", "show", "job", "--oneliner").splitlines()
        found = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        mine = [job for job in found if job.get("WorkDir") == str(folder)]
        return sorted(mine, key=lambda job: int(job["JobId"]))


def find_free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def run_slurm(folder: Path) -> Iterator[Slurm]:
    """Start munged, slurmctld and slurmd of their own in a folder; end them, and their jobs."""
    host = socket.gethostname().split(".")[0]
    names = ("controller_port", "port_of_n1", "port_of_n2")
    ports = dict(zip(names, find_free_ports(len(names)), strict=True))
    for name in ("state", "bin"):
        (folder / name).mkdir()
    (folder / "slurm.conf").write_text(CONFIG.format(host=host, folder=folder, **ports))
    (folder / "gres.conf").write_text(GPUS)
    for name, text in (("srun", SRUN), ("squeue", SQUEUE)):
        shim = folder / "bin" / name
        shim.write_text(text.format(folder=folder, program=shutil.which(name, path=PATH)))
        shim.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    slurm = Slurm(folder)
    daemons: list[subprocess.Popen] = []
    try:
        daemons.append(
            start(
                slurm, "munged", "--foreground", "--force",
                f"--socket={folder}/munge.socket", f"--key-file={key}",
                f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log",
                f"--seed-file={folder}/munged.seed",
            )
        )  # fmt: skip
        wait_for(slurm, daemons, lambda: (folder / "munge.socket").exists())
        daemons.append(start(slurm, "slurmctld", "-D", "-c"))
        daemons += [start(slurm, "slurmd", "-D", "-c", "-N", name) for name in NODES]
        wait_for(slurm, daemons, lambda: is_ready(slurm))
        yield slurm
    finally:
        stop(slurm, daemons)


def start(slurm: Slurm, program: str, *words: str) -> subprocess.Popen:
    """Start a daemon in the foreground, in a group of its own."""
    with open(slurm.folder / f"{program}.out", "ab") as said:
        return subprocess.Popen(
            [shutil.which(program, path=PATH) or program, *words],
            env={**os.environ, **slurm.environment},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_ready(slurm: Slurm) -> bool:
    """Say whether the nodes wait for jobs."""
    try:
        return slurm.ask("sinfo", "--noheader", "--format=%T %D").strip() == f"idle {len(NODES)}"
    except subprocess.CalledProcessError:
        return False


def wait_for(slurm: Slurm, daemons: list[subprocess.Popen], is_done: Callable[[], bool]) -> None:
    """Wait until something is so; say what the daemons wrote where it is not to be."""
    end = time.monotonic() + SECONDS
    while not is_done():
        ended = [daemon.args for daemon in daemons if daemon.poll() is not None]
        if ended or time.monotonic() > end:
            said = [path.read_text()[-3000:] for path in slurm.folder.glob("*.out")]
            raise RuntimeError("\n".join([f"Slurm does not start; ended: {ended}", *said]))
        time.sleep(0.1)


def stop(slurm: Slurm, daemons: list[subprocess.Popen]) -> None:
    """End the jobs that are left, then the daemons, the last one first."""
    if len(daemons) == 2 + len(NODES) and all(daemon.poll() is None for daemon in daemons):
        end = time.monotonic() + SECONDS
        with suppress(subprocess.SubprocessError):
            slurm.ask("scancel", "--signal=KILL", "--full", "--user=root")
            slurm.ask("scancel", "--user=root")
            while slurm.ask("squeue", "--noheader").strip() and time.monotonic() < end:
                time.sleep(0.2)
    for daemon in reversed(daemons):
        if daemon.poll() is None:
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()
    end_what_is_left(slurm)


def end_what_is_left(slurm: Slurm) -> None:
    """End what still runs of this Slurm's jobs: jobs outlive daemons that were killed."""
    mine = f"SLURM_CONF={slurm.folder / 'slurm.conf'}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mine in path.read_bytes().split(b"\0") and int(path.parent.name) != os.getpid():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
