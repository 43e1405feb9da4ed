"""Settings of a network and of its training."""

import math
from typing import Any, ClassVar, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from seqcast.settings.section import Fraction, Section

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # The chapter's network and training, number by number.
    "course": {
        "model": {
            "blocks": "gated",
            "squeeze": [[48, 21, 2, 0], [60, 7, 4, 0.05], [76, 7, 4, 0.05], [96, 7, 4, 0.05]],
            "dilated": [[24, 3, dilation, 0.1] for dilation in (1, 2, 4, 8, 16, 32, 64)],
        },
        "train": {},
    },
    "default": {
        "model": {
            "blocks": "pooled",
            "squeeze": [[96, 19, 8, 0], [128, 5, 4, 0.1], [128, 5, 4, 0.1], [128, 5, 1, 0.1]],
            "dilated": [[128, 3, dilation, 0.2] for dilation in (1, 2, 4, 8, 16, 32)],
            "head_dropout": 0.3,
        },
        "train": {
            "epochs": 40,
            "learning_rate": 4e-3,
            "schedule": "step",
            "warmup_epochs": 0.5,
            "beta1": 0.9,
            "beta2": 0.98,
            "clip_norm": 1.0,
            "weight_decay": 0.05,
            "max_shift": 0,
            "max_jitter": 4096,
            "reverse_complement": True,
            "units": "mean",
        },
    },
}


class SqueezeBlock(Section):
    """Shorten the sequence: a convolution, strided or followed by pooling."""

    out: PositiveInt
    """Channels that come out."""
    kernel: PositiveInt
    """Width of the convolution; odd."""
    stride: PositiveInt
    """Bases or positions from one output to the next."""
    dropout: Fraction = 0.0
    """Share of the output (gated) or input (pooled) set to nothing in training."""


class DilatedBlock(Section):
    """See far: a dilated convolution, over everything before it (gated) or added to it (pooled)."""

    out: PositiveInt
    """Channels that come out."""
    kernel: PositiveInt
    """Width of the convolution; odd."""
    dilation: PositiveInt
    """Positions between the taps of the kernel."""
    dropout: Fraction = 0.0
    """Share of the output set to nothing in training."""


def _blocks_from_lists(kind: type[Section], blocks: Any) -> Any:
    """Read blocks written as in the chapter, ``[out, kernel, stride or dilation, dropout]``."""
    if not isinstance(blocks, (list, tuple)):
        return blocks
    # A tuple: headers of files are validated strictly, and there a list made by Python is none.
    return tuple(
        dict(zip(kind.model_fields, block, strict=False))
        if isinstance(block, (list, tuple)) and len(block) in (3, 4)
        else block
        for block in blocks
    )


class ModelSettings(Section):
    """The shape of the network."""

    blocks: Literal["gated", "pooled"] = "pooled"
    """`pooled`: max-pooling, batch normalisation, residual dilated blocks. `gated`: the chapter's
    strided convolutions with gated linear units and weight normalisation, dense dilated blocks."""
    squeeze: tuple[SqueezeBlock, ...] = Field(min_length=1)
    """Blocks `[out, kernel, stride, dropout]` that shorten the sequence to one position a bin."""
    dilated: tuple[DilatedBlock, ...] = ()
    """Blocks `[out, kernel, dilation, dropout]`: pooled ones are added to what they read, gated
    ones each read everything before them."""
    head_dropout: Fraction = 0.0
    """Share of what the last layer reads set to nothing in training (pooled blocks only)."""

    @field_validator("squeeze", mode="before")
    @classmethod
    def _squeeze(cls, blocks: Any) -> Any:
        return _blocks_from_lists(SqueezeBlock, blocks)

    @field_validator("dilated", mode="before")
    @classmethod
    def _dilated(cls, blocks: Any) -> Any:
        return _blocks_from_lists(DilatedBlock, blocks)

    @model_validator(mode="after")
    def _odd_kernels(self) -> "ModelSettings":
        for block in (*self.squeeze, *self.dilated):
            if block.kernel % 2 == 0:
                raise ValueError(
                    f"kernel {block.kernel} is even, which would move the coverage by half a base;"
                    f" use {block.kernel - 1} or {block.kernel + 1}"
                )
        return self

    @property
    def bin_size(self) -> int:
        """Bases per output position: the product of the strides."""
        return math.prod(block.stride for block in self.squeeze)

    @property
    def receptive_field(self) -> int:
        """Bases of sequence that one output position can see."""
        bases, step = 1, 1
        for block in self.squeeze:
            bases += (block.kernel - 1) * step
            if self.blocks == "pooled":
                bases += (block.stride - 1) * step
            step *= block.stride
        return bases + sum((block.kernel - 1) * block.dilation * step for block in self.dilated)


def fit_strides(network: ModelSettings, bin_size: int) -> ModelSettings:
    """Return the network with strides whose product is the bin size, if any suit its kernels.

    The factors of the bin size are shared out evenly among the blocks that have a stride, the
    largest to where the network has its own largest: the chapter's 2 x 4 x 4 x 4 becomes
    2 x 2 x 2 x 4 for bins of 32.
    """
    if network.bin_size == bin_size:
        return network
    # From the smallest stride to the largest; of equals the last counts as larger.
    places = [place for place, block in enumerate(network.squeeze) if block.stride > 1]
    places.sort(key=lambda place: (network.squeeze[place].stride, place))
    shares = [1] * len(places)
    for factor in _prime_factors(bin_size):
        shares[shares.index(min(shares))] *= factor
    strides = dict(zip(places, sorted(shares), strict=True))
    if network.blocks == "gated" and any(
        stride > network.squeeze[place].kernel for place, stride in strides.items()
    ):
        return network
    blocks = [
        block.model_copy(update={"stride": strides.get(place, block.stride)})
        for place, block in enumerate(network.squeeze)
    ]
    return network.model_copy(update={"squeeze": tuple(blocks)})


def _prime_factors(number: int) -> list[int]:
    """Return the prime factors, largest first."""
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors[::-1]


class TrainSettings(Section):
    """How a network is trained."""

    epochs: PositiveInt = 10
    """How often each training window is seen."""
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
    """Processes that share each batch: one a GPU, or so many on the CPU."""
    micro_batch: PositiveInt | None = None
    """Windows of a batch that a process takes at once; None: all that the GPU's memory holds."""
    time_limit: PositiveFloat | None = None
    """Minutes after which a training saves itself and leaves, to be run again; Slurm's own limit
    is known without it."""
    checkpoint_minutes: PositiveFloat = 10
    """A training saves itself this often, and at the end of each epoch."""

    # Where and in what portions a training is done, not what comes out: changing these retrains
    # nothing.
    CIRCUMSTANCES: ClassVar[frozenset[str]] = frozenset(
        {"device", "processes", "micro_batch", "time_limit", "checkpoint_minutes"}
    )

    @model_validator(mode="after")
    def _warmup_ends(self) -> "TrainSettings":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g}, but there are only {self.epochs} epochs"
            )
        return self
