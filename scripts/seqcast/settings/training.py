"""Settings of a training."""

from typing import ClassVar, Literal

from pydantic import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from seqcast.settings.section import Fraction, Section


class TrainSettings(Section):
    """How a network is trained."""

    epochs: PositiveInt = 10
    """How often the training windows are gone through."""
    windows_per_epoch: PositiveInt | None = None
    """Windows an epoch sees before the next validation, each epoch the next of them; None: all."""
    batch_size: PositiveInt = 8
    """Windows a step."""
    learning_rate: PositiveFloat = 1e-3
    """Adam's step size where the cosine descent begins."""
    schedule: Literal["epoch", "step"] = "epoch"
    """Whether the learning rate changes with every epoch, as in the chapter, or with every step."""
    warmup_epochs: NonNegativeFloat = 0
    """Epochs over which the learning rate rises before its cosine descent."""
    beta1: Fraction = 0.97
    """Adam's decay of the mean gradient."""
    beta2: Fraction = 0.98
    """Adam's decay of the mean squared gradient."""
    clip_norm: PositiveFloat = 0.01
    """Gradients are scaled down to this global norm."""
    weight_decay: NonNegativeFloat = 0
    """AdamW's decay of convolutions' weights; 0 is Adam."""
    max_shift: NonNegativeInt = 5
    """Each training window is rolled by a random number of bases up to this, coverage unmoved."""
    max_jitter: NonNegativeInt = 0
    """Each training window is moved by a random number of bases up to this, with its coverage."""
    reverse_complement: bool = False
    """Half of the windows are read from the other strand, strand pairs swapped."""
    units: Literal["table", "mean"] = "table"
    """What the network learns each target in: `mean`, its training mean, so that all weigh alike in
    the loss; `table`, as scale and clips of the targets table leave it. Predictions are in the
    dataset's units either way."""
    shuffle_coverage: bool = False
    """Give each training window the coverage of another: a control that should learn nothing."""
    seed: NonNegativeInt = 1
    """Seed of weights, order, shifts and dropout."""
    snapshots: Literal["best", "every"] = "best"
    """`best` keeps the epoch of the lowest validation loss, `every` all epochs besides."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` is a GPU where there is one; one that cannot be used is an error."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the convolutions; `auto` is bfloat16 where the hardware has it."""
    threads: PositiveInt | None = None
    """CPU threads; the same number gives the same weights bit for bit. None: all the job has."""
    processes: PositiveInt = 1
    """Processes that share each batch: one a GPU, or this many on the CPU."""
    micro_batch: PositiveInt | None = None
    """Windows of a batch that a process takes at once; None: all that the GPU's memory holds."""
    time_limit: PositiveFloat | None = None
    """Minutes after which a training saves itself and leaves, to be run again; Slurm's own limit
    is known without it."""
    checkpoint_minutes: PositiveFloat = 10
    """A training saves itself this often, and at the end of each epoch."""

    # Where and in what portions a training is done, not what comes out.
    UNTRACKED: ClassVar[frozenset[str]] = frozenset(
        {"device", "processes", "micro_batch", "time_limit", "checkpoint_minutes"}
    )

    @model_validator(mode="after")
    def _warmup_ends(self) -> "TrainSettings":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g}, but there are only {self.epochs} epochs"
            )
        return self
