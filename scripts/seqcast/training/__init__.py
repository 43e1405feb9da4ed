"""Train a network: in one process or several, interrupted and resumed.

`train` is the one thing that a step calls. The whole course of a training, its steps among it, is
in `loop`. Behind it: `loader` (its windows), `resume` (how it is left and resumed), `validation`,
`record` (what is said and written of it), `gpu`, and for several processes `process_group`,
`launch` and `worker`.
"""

from seqcast.training.launch import launch_processes
from seqcast.training.loop import run
from seqcast.training.task import Task

__all__ = ["Task", "train"]


def train(task: Task) -> None:
    """Train a network on a dataset and write the best epoch's weights and the history.

    An earlier attempt at the same task that did not come to its end is resumed. Raises
    `Stopped` where this one has to leave before its end: the next goes on from there.
    """
    if task.processes > 1:
        launch_processes(task)
    else:
        run(task)
