"""Work in processes of their own, each of which is killed at its n-th write."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqcast.core.disk import Room
from seqcast.data import read_dataset
from seqcast.predict.genome_tracks.joining import open_models
from seqcast.predict.genome_tracks.plan import Plan
from seqcast.predict.genome_tracks.writing import join_tracks, write_table


def kill_at(work: Mapping[int, Callable[[], object]]) -> None:
    """Do the work of each moment, and end it at that with SIGKILL.

    That comes right before the n-th chunk is written, or file given its final name.
    """
    done = subprocess.run(
        [sys.executable, "-m", "kills"],
        input=pickle.dumps(work),
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert done.stdout.split() == [b"%d" % -signal.SIGKILL] * len(work), said


def find_times(folder: Path) -> dict[Path, int]:
    """Return when each file of a folder was written, but for seals and what is not whole."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("[!.]*")
        if path.is_file() and path.suffix != ".partial"
    }


def join_missing(folder: Path, dataset: Path, plan: Plan, members: Mapping[str, int]) -> None:
    """Join two groups of targets in a folder, each as a job that is done once its table is there.

    Then list all tracks in a table.
    """
    found, joined = read_dataset(dataset), [folder / f"tracks/{group}.tsv" for group in range(2)]
    for path, targets in zip(joined, (slice(0, 2), slice(2, 3)), strict=True):
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            models = open_models(folder, plan, found, {"big": members}, is_own=True)
            join_tracks(path, folder, found, models, targets, observed=True)
    write_table(folder / "tracks.tsv", found, joined, is_own=True)


def _main() -> None:
    """Fork for each moment, as imports take longer than the work; say how each process ended."""
    for moment, work in pickle.load(sys.stdin.buffer).items():
        if not (child := os.fork()):
            _die_at(moment)
            work()
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _die_at(moment: int) -> None:
    """See to it that this process does not live to do its n-th write."""
    left = moment

    def make_deadly(write: Callable[..., Any]) -> Callable[..., Any]:
        """Return what writes, or dies."""

        def write_or_die(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments)

        return write_or_die

    Room.take = make_deadly(Room.take)
    os.replace = make_deadly(os.replace)


if __name__ == "__main__":
    _main()
