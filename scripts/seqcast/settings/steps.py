"""Settings of models side by side, and of what is done with each of them."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from seqcast.settings.network import AnyNetwork
from seqcast.settings.section import AssemblyName, Becomes, Section
from seqcast.settings.training import TrainSettings

# A place, or `name=` and a place; with a colon it has a start and an end.
_LOCUS = re.compile(r"(.*=)?\s*([^\s:]+|\S+:[\d,]+-[\d,]+)\s*")
ANNOTATIONS = (".bed", ".narrowpeak", ".broadpeak", ".gff3", ".gff", ".gtf")


class ModelEntry(Section):
    """One entry of `models`: a preset and what is changed of it."""

    preset: Literal["default", "course"] = "default"
    """Network and training to start from; `course` is the chapter's."""
    network: Annotated[dict[str, Any], Becomes(AnyNetwork)] = {}
    """Changes to the preset's network; with another `kind`, the preset's keys that it has too."""
    train: Annotated[dict[str, Any], Becomes(TrainSettings)] = {}
    """Changes to the preset's training, over those of the top-level `train`."""
    replicates: PositiveInt = 1
    """Number of trainings, each of its own seed; their mean is predicted, their spread is a track
    of its own."""


@dataclass(frozen=True)
class Member:
    """One training of a model: its seed, and the fold that it is tested on."""

    model: str
    replicate: int
    fold: int


class PredictSettings(Section):
    """What is predicted."""

    split: Literal["train", "valid", "test", "all"] = "test"
    """Windows of which split."""
    windows: PositiveInt | None = None
    """Only the first windows, this many; their shape and values are printed. None: all."""
    checkpoint: str = "best"
    """`best`, an epoch's number where snapshots are kept, or the path of a model
    (`.safetensors`, or a Chainer snapshot of the course) whose targets are the dataset's."""
    batch_size: PositiveInt = 8
    """Windows predicted at once."""
    strands: Literal["auto", "one", "both"] = "auto"
    """`both` averages the rates of a window and its reverse complement; `auto` does so for models
    whose file says that they were trained with both strands."""
    regions: str | None = None
    """BED file of regions to predict as well, in `results/<run>/regions`, wherever they lie."""

    UNTRACKED: ClassVar[frozenset[str]] = frozenset({"batch_size"})


class EvaluateSettings(Section):
    """What predictions are held against."""

    baselines: tuple[Literal["gc", "kmers"], ...] = ("gc", "kmers")
    """Simple predictors fitted to the same windows: GC content, ridge regression on k-mers."""
    peak_fdr: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Bins count as peaks below this false discovery rate (Poisson, Benjamini-Hochberg)."""
    bootstrap: NonNegativeInt = 1000
    """Draws behind each confidence interval; 0: none."""


class ExportSettings(Section):
    """Which tracks are written besides predicted and observed ones."""

    residual: bool = False
    """Also write predicted less observed."""


class GenomeTracksSettings(Section):
    """Tracks over whole chromosomes, made by `snakemake genome_tracks`."""

    fasta: str | None = None
    """FASTA to predict, path or URL; None: the run's own genome."""
    assembly: AssemblyName | None = None
    """UCSC's name of that FASTA, for browsers that know it; of the run's own genome
    `dataset.assembly` says it."""
    models: tuple[str, ...] | None = None
    """Which of the models predict; None: all of them."""
    contigs: tuple[str, ...] | None = None
    """Only these; None: all that are at least one bin long, but those of `exclude`."""
    exclude: tuple[str, ...] = ()
    """Contigs to leave out."""
    edge_bins: NonNegativeInt | None = None
    """Bins that are discarded at either end of a window; None: a sixteenth of its bins, as where
    test windows overlap."""
    shifts: tuple[int, ...] = (0,)
    """Bases by which windows are moved, each less than a bin; predictions are averaged over
    them."""
    part: PositiveInt = 10_000_000
    """Contigs below this many bases share a job; each longer one is a job of its own."""


class ExplainSettings(Section):
    """Which bases matter, said by `snakemake explain`."""

    targets: Literal["all"] | tuple[str | tuple[str, ...], ...] = "all"
    """Names of targets, or `all`; targets in a list of their own are explained together, as the
    mean of their logarithms."""
    regions: str = "peaks"
    """`peaks`: the strongest of the test windows, observed and predicted; or a BED or narrowPeak
    file, all of which is explained."""
    most: PositiveInt = 300
    """How many peaks a target."""
    width: PositiveInt = 1024
    """Bases that get a value, about each summit."""
    radius: NonNegativeInt = 250
    """Bases to each side of the summit whose predicted coverage is explained; the bins that they
    touch."""
    method: Literal["auto", "deeplift", "gradient", "ism"] = "auto"
    """`deeplift`: against shuffled references; `gradient`: gradient times input, ten times as fast
    and coarser; `ism`: every substitution, exact, five times as slow; `auto`: `deeplift`, which
    finds the sites of the simulation best for its time (docs/explain.md)."""
    references: PositiveInt = 5
    """Shuffled references of a region, for `deeplift`."""
    seed: NonNegativeInt = 1
    """Seed of the references."""


class VariantsSettings(Section):
    """What variants do, said by `snakemake variants`."""

    vcf: str | None = None
    """VCF or BCF, path or URL, plain, gzip or bgzip; with one, variants are part of the run.
    `simulated`: the file of known effects that comes with simulated data."""
    targets: Literal["all"] | tuple[str, ...] = "all"
    """Names of the targets that tables and VCF have, or `all`."""
    radius: NonNegativeInt = 250
    """Bases to each side of a variant whose predicted coverage is summed; the bins that they touch,
    at least one. 1,000 for broad marks."""
    null: NonNegativeInt = 1000
    """Shuffled variants of each kind, substitutions and others, behind p and q; 0: neither."""
    shifts: tuple[int, ...] = (0,)
    """Bases by which windows are moved, each less than a bin; scores are averaged over them. Each
    takes as long as the first."""
    top: NonNegativeInt = 5
    """How many variants a target, those of the largest effects, get tracks and letters of both
    alleles."""
    seed: NonNegativeInt = 1
    """Seed of the shuffled variants."""


class MotifsSettings(Section):
    """Which motifs the model reads and what they do, said by `snakemake motifs`."""

    database: str | None = None
    """Known motifs: MEME file, path or URL, plain or gzip, such as JASPAR's. `simulated`: those of
    simulated data."""
    discover: bool = True
    """Look for motifs in the contributions with TF-MoDISco, which `make motifs` installs; false:
    the database's alone."""
    seqlets: PositiveInt = 5000
    """The most stretches of high contribution a target, raising or lowering it, that TF-MoDISco
    compares."""
    p: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    """A place is a match of a motif where its score is so improbable, or more, in random sequence
    of the regions' composition."""
    contribution: Annotated[float, Field(gt=0, le=1)] = 0.1
    """A match is a hit where its bases' contributions, added up, are among this share of the
    largest of all stretches as long, either sign; 1: every match."""
    backgrounds: PositiveInt = 100
    """Shuffled sequences that each motif is put into, to see what it does."""
    pairs: NonNegativeInt = 8
    """How many motifs, the first of motifs.meme, are put beside each other in pairs; 0: none."""
    seed: NonNegativeInt = 1
    """Seed of the shuffled sequences; those of TF-MoDISco's clustering are its own, and fixed."""

    @model_validator(mode="after")
    def _check(self) -> "MotifsSettings":
        if not self.discover and not self.database:
            raise ValueError(
                "there is nothing to look for: name motifs.database, or set motifs.discover: true"
            )
        return self


class BrowseSettings(Section):
    """What the browser pages show besides the tracks."""

    loci: tuple[str, ...] = ()
    """Places of your own to jump to, as `chr1:1,000-20,000`; a name may stand before, with `=`."""
    annotation: tuple[str, ...] = ()
    """Files of genes or peaks shown below the tracks, paths or URLs: BED, narrowPeak, GFF3 or GTF,
    plain or gzip."""

    @field_validator("loci")
    @classmethod
    def _places(cls, loci: tuple[str, ...]) -> tuple[str, ...]:
        for entry in loci:
            if not _LOCUS.fullmatch(entry):
                raise ValueError(
                    f"{entry!r} is no place; wanted chr1:1,000-20,000, a contig's name, or"
                    " name=chr1:1,000-20,000"
                )
        return loci

    @field_validator("annotation")
    @classmethod
    def _kinds(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        names = [PurePosixPath(file.partition("?")[0]).name for file in files]
        for file, name in zip(files, names, strict=True):
            if PurePosixPath(name.lower().removesuffix(".gz")).suffix not in ANNOTATIONS:
                raise ValueError(
                    f"{file!r} is of no kind that can be shown; wanted a name that ends in"
                    f" {', '.join(ANNOTATIONS)}, with or without .gz"
                )
            if names.count(name) > 1:
                raise ValueError(f"{names.count(name)} files are called {name}; rename one")
        return files


class ReportSettings(Section):
    """What the report shows."""

    title: str = ""
    """Heading of the page; empty: the name of the run."""
