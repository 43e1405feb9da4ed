"""Settings of a network: a section for each kind, which says what its bins are and see.

What a kind computes is its module in `seqcast.nn`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, Union

from pydantic import Field, PositiveInt, TypeAdapter, field_validator, model_validator

from seqcast.settings.section import Fraction, Section


class DownsampleBlock(Section):
    """Shorten the sequence: a convolution, strided or followed by pooling."""

    out: PositiveInt
    """Channels that come out."""
    kernel: PositiveInt
    """Width of the convolution; odd."""
    stride: PositiveInt
    """Bases or positions from one output to the next."""
    dropout: Fraction = 0.0
    """Dropout rate in training, of the output (gated) or the input (pooled)."""

    dilation: ClassVar[int] = 1


class DilatedBlock(Section):
    """See far: a dilated convolution, over everything before it (gated) or added to it (pooled)."""

    out: PositiveInt
    """Channels that come out."""
    kernel: PositiveInt
    """Width of the convolution; odd."""
    dilation: PositiveInt
    """Positions between the taps of the kernel."""
    dropout: Fraction = 0.0
    """Dropout rate of the output in training."""

    stride: ClassVar[int] = 1


class NetworkSettings(Section, ABC):
    """What every kind of network says of itself; `kind` is its name."""

    kind: str

    @property
    @abstractmethod
    def strides(self) -> tuple[int, ...]:
        """Positions that one position of the next layer stands for, layer by layer."""

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """Bases of sequence that one output position can see."""

    @property
    @abstractmethod
    def normalises_over_batch(self) -> bool:
        """Whether, in training, what comes of a window depends on the others of its batch."""

    @abstractmethod
    def fit_strides(self, bin_size: int) -> Self:
        """Return the network with strides whose product is the bin size, if any suit it."""

    @property
    def bin_size(self) -> int:
        """Bases per output position: the product of the strides."""
        return math.prod(self.strides)


class ConvolutionalSettings(NetworkSettings):
    """Blocks that shorten the sequence, then dilated blocks."""

    downsample: tuple[DownsampleBlock, ...] = Field(min_length=1)
    """Blocks `[out, kernel, stride, dropout]` that shorten the sequence to one position a bin."""
    dilated: tuple[DilatedBlock, ...] = ()
    """Blocks `[out, kernel, dilation, dropout]` that see far."""

    @field_validator("downsample", mode="before")
    @classmethod
    def _downsample(cls, blocks: Any) -> Any:
        return _blocks_from_lists(DownsampleBlock, blocks)

    @field_validator("dilated", mode="before")
    @classmethod
    def _dilated(cls, blocks: Any) -> Any:
        return _blocks_from_lists(DilatedBlock, blocks)

    @model_validator(mode="after")
    def _odd_kernels(self) -> Self:
        for block in (*self.downsample, *self.dilated):
            if block.kernel % 2 == 0:
                raise ValueError(
                    f"kernel {block.kernel} is even, which would move the coverage by half a base;"
                    f" use {block.kernel - 1} or {block.kernel + 1}"
                )
        return self

    @property
    def strides(self) -> tuple[int, ...]:
        """Positions that one position of the next layer stands for, layer by layer."""
        return tuple(block.stride for block in self.downsample)

    @property
    def receptive_field(self) -> int:
        """Bases of sequence that one output position can see."""
        bases = 1
        step = 1
        for block in self.downsample:
            bases += (block.kernel - 1) * step
            step *= block.stride
        return bases + sum((block.kernel - 1) * block.dilation * step for block in self.dilated)

    def fit_strides(self, bin_size: int) -> Self:
        """Return the network with strides whose product is the bin size, if any suit its kernels.

        The factors of the bin size are shared out evenly among the blocks that have a stride, the
        largest to where the network has its own largest: the chapter's 2 x 4 x 4 x 4 becomes
        2 x 2 x 2 x 4 for bins of 32.
        """
        if self.bin_size == bin_size:
            return self
        # From the smallest stride to the largest; of equals the last counts as larger.
        strided = [index for index, stride in enumerate(self.strides) if stride > 1]
        strided.sort(key=lambda index: (self.strides[index], index))
        shares = [1] * len(strided)
        for factor in _prime_factors(bin_size):
            shares[shares.index(min(shares))] *= factor
        strides = dict(zip(strided, sorted(shares), strict=True))
        blocks = [
            block.model_copy(update={"stride": strides.get(index, block.stride)})
            for index, block in enumerate(self.downsample)
        ]
        return self.model_copy(update={"downsample": tuple(blocks)})


class GatedSettings(ConvolutionalSettings):
    """The chapter's network: strided convolutions with weight normalisation and gated linear units,
    then dilated blocks each of which reads everything before it."""

    kind: Literal["gated"] = "gated"
    """Strided, gated, dense."""

    @property
    def normalises_over_batch(self) -> bool:
        """Whether, in training, what comes of a window depends on the others of its batch."""
        return False

    def fit_strides(self, bin_size: int) -> Self:
        """Return the network with strides of the bin, or as it is if they leave bases unread."""
        fitted = super().fit_strides(bin_size)
        if any(block.stride > block.kernel for block in fitted.downsample):
            return self
        return fitted


class PooledSettings(ConvolutionalSettings):
    """Convolutions with max-pooling and batch normalisation, then residual dilated blocks."""

    kind: Literal["pooled"] = "pooled"
    """Pooled, normalised, residual."""
    head_dropout: Fraction = 0.0
    """Dropout rate in training, of what the last layer reads."""

    @property
    def normalises_over_batch(self) -> bool:
        """Whether, in training, what comes of a window depends on the others of its batch."""
        return True

    @property
    def receptive_field(self) -> int:
        """Bases of sequence that one output position can see."""
        # What is pooled may come from anywhere in the bin.
        return super().receptive_field + self.bin_size - 1


# Union: pydantic names its members in errors.
AnyNetwork = Annotated[Union[GatedSettings, PooledSettings], Field(discriminator="kind")]  # noqa: UP007
# Once: to build it takes as long as to use it a hundred times.
_ANY_NETWORK: TypeAdapter[NetworkSettings] = TypeAdapter(AnyNetwork)
NETWORKS: dict[str, type[NetworkSettings]] = {"gated": GatedSettings, "pooled": PooledSettings}


def read_network(settings: Mapping[str, Any]) -> NetworkSettings:
    """Return the settings of a network, of the kind that `kind` says.

    Raises pydantic's `ValidationError`.
    """
    return _ANY_NETWORK.validate_python(settings)


def _blocks_from_lists(section: type[Section], blocks: Any) -> Any:
    """Read blocks written as in the chapter, ``[out, kernel, stride or dilation, dropout]``."""
    if not isinstance(blocks, (list, tuple)):
        return blocks
    # A tuple: headers of files are validated strictly, and there a list made by Python is none.
    return tuple(
        dict(zip(section.model_fields, block, strict=False))
        if isinstance(block, (list, tuple)) and len(block) in (3, 4)
        else block
        for block in blocks
    )


def _prime_factors(number: int) -> list[int]:
    """Return the prime factors, largest first."""
    factors = []
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors[::-1]
