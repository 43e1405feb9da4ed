"""What is to be trained: all that the processes of a training have to know."""

from pathlib import Path

from seqcast.settings import TrainSettings
from seqcast.settings.network import AnyNetwork
from seqcast.settings.section import Section


class Task(Section):
    """A training, and where everything of it lies."""

    network: AnyNetwork
    """The network."""
    training: TrainSettings
    """How it is trained."""
    dataset: Path
    """The dataset."""
    model: Path
    """The file of the best epoch's network."""
    history: Path
    """The file of the learning history."""
    checkpoints: Path
    """The folder of what an interrupted training is resumed from; gone when all is done."""
    snapshots: Path | None = None
    """The folder of each epoch's weights, where the settings ask for them."""
    fold: int = 0
    """Which fold of the dataset."""
    name: str = "model"
    """What messages call the model."""
    code: str = ""
    """A digest of the code that weights follow from."""
    threads: int | None = None
    """CPU threads that the scheduler granted; None where there is none."""
    gpus: int | None = None
    """GPUs that the scheduler granted, on all nodes together; None where there is none."""
    nodes: int = 1
    """Nodes of a Slurm job that share the training."""
    log: Path | None = None
    """The log file, to which started processes add."""

    @property
    def processes(self) -> int:
        """How many processes share the training: one a GPU that was granted."""
        if self.training.device == "cpu" or not self.gpus:
            return self.training.processes
        return self.gpus
