"""Settings of the data, one section for each source."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from seqcast.errors import suggest
from seqcast.settings.section import Section


def _check_window(bases: int, bin_size: int, key: str) -> None:
    if bases % bin_size:
        below = bases // bin_size * bin_size
        fits = f"{below:,} or {below + bin_size:,}" if below else f"{bin_size:,}"
        raise ValueError(
            f"{key} is {bases:,}, which bins of {bin_size} do not divide; {fits} would fit"
        )


class _Windows(Section):
    bin_size: PositiveInt = 128
    """Bases per coverage value."""
    scale: Literal["none", "mean"] = "none"
    """`mean` trains on each target divided by its training mean; predictions are scaled back."""


class SimulatedSettings(_Windows):
    """A genome made from a seed, with ten tracks whose truth is known."""

    source: Literal["simulated"] = "simulated"
    """Where the data come from."""
    window: PositiveInt = 16_384
    """Bases per window."""
    stride: PositiveInt = 8_192
    """Bases from one window to the next; where windows overlap, predictions are averaged."""
    chromosomes: dict[str, PositiveInt] = {
        "chr1": 3_000_000,
        "chr2": 2_200_000,
        "chr3": 1_600_000,
        "chr4": 900_000,
        "chr5": 900_000,
    }
    """Name and length in bases of each chromosome."""
    valid: tuple[str, ...] = ("chr4",)
    """Chromosomes held out to choose the best epoch."""
    test: tuple[str, ...] = ("chr5",)
    """Chromosomes held out to the end."""
    seed: NonNegativeInt = 1
    """The same seed makes the same data, byte for byte."""

    @model_validator(mode="after")
    def _check(self) -> "SimulatedSettings":
        _check_window(self.window, self.bin_size, "dataset.window")
        _check_window(self.stride, self.bin_size, "dataset.stride")
        held_out = [*self.valid, *self.test]
        for name in held_out:
            if name not in self.chromosomes:
                raise ValueError(
                    f"{name!r} is held out, but the chromosomes are {', '.join(self.chromosomes)}"
                    + suggest(name, list(self.chromosomes))
                )
        if len(set(held_out)) < len(held_out):
            raise ValueError("a chromosome is named twice in `valid` and `test`")
        if not self.valid or not self.test or len(held_out) == len(self.chromosomes):
            raise ValueError("train, valid and test need a chromosome each")
        for name, length in self.chromosomes.items():
            if length < self.window:
                raise ValueError(
                    f"{name} has {length:,} bases, less than one window of {self.window:,}"
                )
        return self


class BasenjiSettings(_Windows):
    """An HDF5 file of Basenji's first format: `{train,valid,test}_{in,out}`, `target_labels`."""

    source: Literal["basenji_h5"] = "basenji_h5"
    """Where the data come from."""
    file: str
    """Path or URL of the HDF5 file."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest that the file must have."""
    bytes: PositiveInt | None = None
    """Size that the file must have."""
    alphabet: str = "auto"
    """Order of the bases in the file's channels, or `auto`: found from the data."""
    ratio: PositiveInt = 1
    """Use the first 1/ratio of the train and valid windows."""
    window: PositiveInt | None = None
    """Cut each window into windows of this many bases; None: as they are."""
    on_bad: Literal["refuse", "mask", "drop"] = "refuse"
    """What becomes of bins that are not finite or negative: stop, leave the bins out of loss and
    metrics, or leave the windows out."""
    on_duplicate: Literal["refuse", "drop"] = "refuse"
    """What becomes of training windows that are also held out, or there twice."""

    @field_validator("alphabet")
    @classmethod
    def _alphabet(cls, value: str) -> str:
        if value != "auto" and sorted(value.upper()) != list("ACGT"):
            raise ValueError(f"{value!r} is not an order of A, C, G, T such as ACGT, nor auto")
        return value if value == "auto" else value.upper()

    @model_validator(mode="after")
    def _check(self) -> "BasenjiSettings":
        if self.window is not None:
            _check_window(self.window, self.bin_size, "dataset.window")
        return self

    @property
    def is_url(self) -> bool:
        """Say whether the file must be downloaded first."""
        return self.file.partition("://")[0] in ("http", "https", "ftp")

    @property
    def file_name(self) -> str:
        """The file's own name, without folders or a URL's query."""
        return PurePosixPath(self.file.partition("?")[0]).name or "download.h5"
