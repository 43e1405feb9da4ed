"""Settings of the data, one section for each source.

A source of data is its section here, a room in `sources/` and its scripts. What the rest of a run
asks of it is asked of `Source`, and nothing else tells sources apart.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, ClassVar, Literal, Union, get_args

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from seqcast.core.errors import suggest
from seqcast.settings.network import read_network
from seqcast.settings.presets import PRESETS
from seqcast.settings.section import AssemblyName, Fraction, Section, is_url
from seqcast.settings.split import SplitSettings
from seqcast.settings.table import read_targets_table

# What browsers call a genome changes nothing in the data.
_NAMES = frozenset({"assembly"})


def _check_window(bases: int, bin_size: int, key: str) -> None:
    if bases % bin_size:
        below = bases // bin_size * bin_size
        fits = f"{below:,} or {below + bin_size:,}" if below else f"{bin_size:,}"
        raise ValueError(
            f"{key} is {bases:,}, which bins of {bin_size} do not divide; {fits} would fit"
        )


@cache
def _find_receptive_field(bin_size: int) -> int:
    """Return what the preset `default` sees; asked for with every contig."""
    return read_network(PRESETS["default"]["network"]).fit_strides(bin_size).receptive_field


@dataclass(frozen=True)
class File:
    """A file that a source names: path or URL, what is known of its content, who names it."""

    location: str
    sha256: str | None = None
    bytes: int | None = None
    named_by: str = field(default="dataset", compare=False)


@dataclass(frozen=True)
class SourceFiles:
    """The files of a source, each once, by what they are for; empty where there are none.

    `data` is what the dataset is made of, `fasta` the genome that its windows lie on; `searched`
    says that each window is looked for in it. `table` is the targets table's path, `aliases` are
    names of contigs that mean the same.
    """

    data: tuple[File, ...] = ()
    fasta: File | None = None
    searched: bool = False
    table: str = ""
    aliases: File | None = None
    has_replicates: bool = False


class Source(Section):
    """What every source of data has, and what the rest of a run asks of it."""

    IS_SIMULATED: ClassVar[bool] = False
    """Its dataset holds the whole genome, and beside it lies what is true of it."""
    HAS_WINDOWS: ClassVar[bool] = False
    """It comes in windows, which the first look shows; else it shows those of the dataset."""
    UNITS: ClassVar[str] = "the units of the data"
    """What the coverage is in, in words."""

    bin_size: PositiveInt = 128
    """Bases per coverage value."""
    scale: Literal["none", "mean"] = "none"
    """`mean` makes the table's scale 1 / training mean, which with `train.units: table` is what the
    network learns; predictions are scaled back."""

    def find_files(self) -> SourceFiles:
        """Return the files of the source; a targets table is read for them."""
        return SourceFiles()

    @property
    def folds(self) -> int:
        """How many parts of the genome are held out in turn; 1: one split."""
        return 1

    @property
    def ucsc(self) -> str | None:
        """UCSC's name of the genome, where the user gave one."""
        return None


class SimulatedSettings(Source):
    """A genome made from a seed, with ten tracks whose truth is known."""

    IS_SIMULATED: ClassVar[bool] = True
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


class BasenjiSettings(Source):
    """An HDF5 file of Basenji's first format: `{train,valid,test}_{in,out}`, `target_labels`."""

    UNTRACKED: ClassVar[frozenset[str]] = _NAMES
    HAS_WINDOWS: ClassVar[bool] = True
    source: Literal["basenji_h5"] = "basenji_h5"
    """Where the data come from."""
    file: str
    """Path or URL of the HDF5 file."""
    genome: str | None = None
    """Path or URL of the FASTA that the windows were cut from: each is looked for in it, and all
    that follows is in its coordinates. None: every window is a stand-in contig of its own."""
    assembly: AssemblyName | None = None
    """Name of that genome at UCSC, such as hg19, for browsers that know it."""
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
    strand_pair: tuple[NonNegativeInt, ...] | None = None
    """For each target the place of its other strand, from 0, its own where it has none; the file
    does not say. None: no target has a strand."""

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
        if self.assembly and not self.genome:
            raise ValueError(
                f"assembly is {self.assembly}, but no genome is given to find the windows in;"
                " set dataset.genome to its FASTA"
            )
        return self

    def find_files(self) -> SourceFiles:
        """Return the HDF5 file, and the genome where one is given."""
        file = File(self.file, self.sha256, self.bytes, "dataset.file")
        fasta = File(self.genome, named_by="dataset.genome") if self.genome else None
        return SourceFiles((file,), fasta, searched=bool(fasta))

    @property
    def ucsc(self) -> str | None:
        """UCSC's name of the genome, where the user gave one."""
        return self.assembly


class GenomeSettings(Source):
    """A genome of your own, and the tracks measured over it: FASTA and bigWig."""

    UNTRACKED: ClassVar[frozenset[str]] = _NAMES
    UNITS: ClassVar[str] = "the units of your bigWig files"
    source: Literal["genome"] = "genome"
    """Where the data come from."""
    fasta: str
    """Path or URL of the genome: FASTA, plain, gzip or bgzip."""
    assembly: AssemblyName | None = None
    """Name of the genome at UCSC, such as hg38 or sacCer3, for browsers that know it."""
    md5: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]] = {}
    """MD5 of contigs' upper-case sequence, as M5 in `samtools dict`; those given must agree."""
    targets: str
    """Path of the targets table (TSV): one track a row, columns as in Basenji."""
    window: PositiveInt = 16_384
    """Bases per window."""
    stride: PositiveInt | None = None
    """Bases from one window to the next; None: half a window."""
    resolution: PositiveInt | None = None
    """Bases per stored value, so that training windows can start between bins; None: an eighth of
    a bin where that divides. Smaller is finer and larger on disk."""
    split: SplitSettings
    """What is held out: `valid` and `test`, or `folds`; what is left out: `exclude`."""
    mask: tuple[str, ...] = ()
    """BED files, paths or URLs: bins they touch carry no loss and no metric."""
    aliases: str | None = None
    """Table of contig names that mean the same (UCSC's chromAlias), path or URL."""
    scale: Literal["none", "mean"] = "mean"
    """For targets without a `scale` in the table: `mean` brings their training mean to 1."""
    clip_quantile: Annotated[float, Field(gt=0, lt=1)] | None = 0.9995
    """For targets without a `clip` in the table: this quantile of their training bins."""
    negative: Literal["refuse", "abs"] = "refuse"
    """Tracks that are negative throughout, as some minus strands: stop, or turn the sign."""
    max_n: Fraction = 0.1
    """Windows with a larger share of N are left out."""
    max_masked: Fraction = 0.5
    """Windows with a larger share of masked bins are left out."""
    missing: Literal["zero", "unknown"] = "zero"
    """What a base without an entry in a bigWig has: no coverage, or, as between the probes of an
    array, an unknown one, which carries no loss and no metric."""

    @field_validator("targets")
    @classmethod
    def _local_table(cls, value: str) -> str:
        if is_url(value):
            raise ValueError(
                "a URL; the table must be a file on this machine, the tracks in it may be URLs"
            )
        return value

    @field_validator("mask", mode="before")
    @classmethod
    def _one_mask(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> "GenomeSettings":
        _check_window(self.window, self.bin_size, "dataset.window")
        _check_window(self.step, self.bin_size, "dataset.stride")
        if self.bin_size % self.cell:
            raise ValueError(
                f"dataset.resolution is {self.cell}, which does not divide bins of {self.bin_size}"
            )
        least = self.window + self.gap
        if self.split.blocks and self.split.blocks < least:
            raise ValueError(
                f"dataset.split.blocks is {self.split.blocks:,}, wanted {least:,} at least: a"
                f" window of {self.window:,} and a gap of {self.gap:,}; or make dataset.window or"
                " dataset.split.gap smaller"
            )
        return self

    def find_files(self) -> SourceFiles:
        """Return the genome, masks, BED files of the split, aliases, and the tracks."""
        fasta = File(self.fasta, named_by="dataset.fasta")
        plain = [fasta, *(File(mask, named_by="dataset.mask") for mask in self.mask)]
        plain += [File(bed, named_by=key) for bed, key in self.split.beds.items()]
        aliases = File(self.aliases, named_by="dataset.aliases") if self.aliases else None
        rows = read_targets_table(self.targets)
        tracks = [
            File(location, sha256, named_by=f"{self.targets}: {row.identifier}")
            for row in rows
            for location, sha256 in row.files
        ]
        every = [*plain, *([aliases] if aliases else []), *tracks]
        return SourceFiles(
            data=tuple({file.location: file for file in every}.values()),
            fasta=fasta,
            table=self.targets,
            aliases=aliases,
            has_replicates=any(row.replicate for row in rows),
        )

    @property
    def folds(self) -> int:
        """How many parts of the genome are held out in turn; 1: one split."""
        return self.split.folds or 1

    @property
    def ucsc(self) -> str | None:
        """UCSC's name of the genome, where the user gave one."""
        return self.assembly

    @property
    def gap(self) -> int:
        """Bases that lie unused between parts of one contig.

        Two bins that far apart have no base of sequence in common that the preset `default` sees.
        It is not the run's models that decide: another one must not change the dataset.
        """
        if self.split.gap is not None:
            return self.split.gap
        return min(self.window, _find_receptive_field(self.bin_size))

    @property
    def step(self) -> int:
        """Bases from one window to the next."""
        if self.stride:
            return self.stride
        bins = self.window // self.bin_size
        return max(1, bins // 2) * self.bin_size

    @property
    def cell(self) -> int:
        """Bases per stored value."""
        if self.resolution:
            return self.resolution
        return self.bin_size // 8 if self.bin_size % 8 == 0 else self.bin_size


# The one list of sources. Union: pydantic names its members in errors.
AnySource = Annotated[
    Union[SimulatedSettings, BasenjiSettings, GenomeSettings],  # noqa: UP007
    Field(discriminator="source"),
]
SOURCES: dict[str, type[Source]] = {
    kind.model_fields["source"].default: kind for kind in get_args(get_args(AnySource)[0])
}


def find_source(kind: object) -> type[Source]:
    """Return what made a dataset, by the `kind` that the dataset says; any source, if by none."""
    return SOURCES.get(str(kind), Source)
