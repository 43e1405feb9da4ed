"""Train a network: in one process or several, interrupted and taken up again.

`train` is the one thing that a step calls. `trainer` takes a step, `run` goes through the epochs,
`state` is what is kept of them, `launching` starts several processes.
"""

from seqcast.training.launching import launch
from seqcast.training.run import run
from seqcast.training.task import Task

__all__ = ["Task", "train"]


def train(task: Task) -> None:
    """Train a network on a dataset and write the best epoch's weights and the history.

    An earlier attempt at the same task that did not come to its end is taken up again. Raises
    `Stopped` where this one has to leave before its end: the next goes on from there.
    """
    if task.processes > 1:
        launch(task)
    else:
        run(task)
