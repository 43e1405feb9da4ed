"""Settings of a whole run, and how they are read."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from seqcast.core.errors import SeqcastError, suggest
from seqcast.settings.data import SOURCES, AnySource, SimulatedSettings
from seqcast.settings.faults import describe_fault, to_keys
from seqcast.settings.network import NETWORKS, NetworkSettings
from seqcast.settings.presets import PRESETS
from seqcast.settings.section import Becomes, Section
from seqcast.settings.steps import (
    BrowseSettings,
    EvaluateSettings,
    ExplainSettings,
    ExportSettings,
    GenomeTracksSettings,
    Member,
    ModelEntry,
    MotifsSettings,
    PredictSettings,
    ReportSettings,
    VariantsSettings,
)
from seqcast.settings.training import TrainSettings

STAGES = (
    "download", "validate", "locate", "dataset", "train", "predict", "evaluate", "export",
    "browse", "report", "genome_tracks", "regions", "explain", "variants",
    "motifs",
)  # fmt: skip
# The folder of what runs share.
SHARED = "shared"
# Folders of a run and words in the names of its tracks: a model of that name would overwrite them.
RESERVED_NAMES = (*STAGES, "genome", "logs", "observed", "residual", "spread", "suggest")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class Settings(Section):
    """A whole run."""

    run: Name = "demo"
    """Everything the run makes lies in results/<run>."""
    dataset: AnySource = SimulatedSettings()
    """Where the data come from; each source has its own keys."""
    train: Annotated[dict[str, Any], Becomes(TrainSettings)] = {}
    """Training settings for all models; an entry of `models` may change them."""
    models: dict[Name, ModelEntry] = Field(default={"default": ModelEntry()}, min_length=1)
    """The networks to train and compare, by name."""
    predict: PredictSettings = PredictSettings()
    """What is predicted, and with which weights."""
    evaluate: EvaluateSettings = EvaluateSettings()
    """Baselines, peaks and confidence intervals."""
    export: ExportSettings = ExportSettings()
    """Which tracks are written."""
    genome_tracks: GenomeTracksSettings = GenomeTracksSettings()
    """What `snakemake genome_tracks` predicts."""
    explain: ExplainSettings = ExplainSettings()
    """What `snakemake explain` explains, and how."""
    variants: VariantsSettings = VariantsSettings()
    """Which variants `snakemake variants` scores, and how."""
    motifs: MotifsSettings = MotifsSettings()
    """Which motifs `snakemake motifs` looks for, and what each does."""
    browse: BrowseSettings = BrowseSettings()
    """Places of interest and annotation for the browser pages."""
    report: ReportSettings = ReportSettings()
    """How the report is headed."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, config: Any) -> Any:
        """Take a key with nothing after it as not given; name the source where none is."""
        if not isinstance(config, Mapping):
            return config
        given = {key: value for key, value in config.items() if value is not None}
        if isinstance(dataset := given.get("dataset"), Mapping):
            source = dataset.get("source", "simulated")
            if source not in list(SOURCES):
                raise ValueError(
                    f"dataset.source: found {source!r}, wanted {' or '.join(SOURCES)}"
                    + suggest(str(source), list(SOURCES))
                )
            given["dataset"] = {**dataset, "source": source}
        return given

    @field_validator("models", mode="before")
    @classmethod
    def _entries(cls, models: Any) -> Any:
        if isinstance(models, Mapping):  # `default:` with nothing after it is the preset as it is
            return {name: entry if entry is not None else {} for name, entry in models.items()}
        return models

    @field_validator("run")
    @classmethod
    def _is_free(cls, run: str) -> str:
        if run == SHARED:
            raise ValueError(f"{run!r} is where downloads lie, for all runs; choose another name")
        return run

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.folds > 1 and (self.predict.split != "test" or self.predict.windows):
            raise ValueError(
                "with folds every window is predicted, by the model that it was test for; leave"
                " out predict.split and predict.windows"
            )
        for name in self.models:
            if name in RESERVED_NAMES:
                raise ValueError(
                    f"models.{name}: {name!r} is a name seqcast uses itself; choose another"
                )
            network = self.network(name)
            if network.bin_size != self.dataset.bin_size:
                raise ValueError(_misfit(name, network, self.dataset.bin_size))
            self._check_checkpoint(name, self.training(name))
        self._check_genome_tracks()
        return self

    def _check_genome_tracks(self) -> None:
        asked = self.genome_tracks
        for name in asked.models or ():
            if name not in self.models:
                raise ValueError(
                    f"genome_tracks.models: there is no model {name!r}; the models are"
                    f" {', '.join(self.models)}{suggest(name, list(self.models))}"
                )
        for section, shifts in (
            ("genome_tracks", asked.shifts),
            ("variants", self.variants.shifts),
        ):
            far = [shift for shift in shifts if abs(shift) >= self.dataset.bin_size]
            if far or not shifts:
                raise ValueError(
                    f"{section}.shifts are {list(shifts)}, wanted one or more, each less than a bin"
                    f" of {self.dataset.bin_size} bases; [0] moves nothing"
                )

    def _check_checkpoint(self, name: str, train: TrainSettings) -> None:
        if not self.predict.checkpoint.isdigit():
            return
        if train.snapshots != "every":
            raise ValueError(
                f"predict.checkpoint is epoch {self.predict.checkpoint}, but models.{name} keeps"
                " only the best; set train.snapshots: every"
            )
        if not 1 <= int(self.predict.checkpoint) <= train.epochs:
            raise ValueError(
                f"predict.checkpoint is epoch {self.predict.checkpoint}, but models.{name}"
                f" trains for epochs 1 to {train.epochs}"
            )

    @property
    def assembly(self) -> str | None:
        """UCSC's name of the run's genome, where the user gave one."""
        return self.dataset.ucsc

    @property
    def folds(self) -> int:
        """How many parts of the genome are held out in turn; 1: one split."""
        return self.dataset.folds

    @property
    def members(self) -> dict[str, Member]:
        """Every training of the run by name: `model`, or `model.f1`, `model.r2`, `model.f1.r2`."""
        found = {}
        for model, entry in self.models.items():
            for fold in range(self.folds):
                for replicate in range(entry.replicates):
                    name = model
                    name += f".f{fold + 1}" if self.folds > 1 else ""
                    name += f".r{replicate + 1}" if entry.replicates > 1 else ""
                    found[name] = Member(model, replicate, fold)
        return found

    def network(self, name: str) -> NetworkSettings:
        """Return the network of a model: its preset with the entry's changes.

        Of a preset of another kind is taken what the entry's kind has as well.
        """
        where = f"models.{name}.network"
        own = self.models[name].network
        preset = PRESETS[self.models[name].preset]["network"]
        kind = own.get("kind", preset["kind"])
        if kind not in list(NETWORKS):
            raise ValueError(
                f"{where}.kind: found {kind!r}, wanted {' or '.join(NETWORKS)}"
                + suggest(str(kind), list(NETWORKS))
            )
        section = NETWORKS[kind]
        taken = {key: value for key, value in preset.items() if key in section.model_fields}
        network = _within(lambda _: where, section, {**taken, **own, "kind": kind})
        # A preset follows the bin size; strides that the user wrote are meant.
        return network if "downsample" in own else network.fit_strides(self.dataset.bin_size)

    def training(self, name: str) -> TrainSettings:
        """Return the training of a model or member: preset, the run's `train`, entry's changes.

        Each replicate has a seed of its own.
        """
        if name in self.members:
            member = self.members[name]
            training = self._training(member.model)
            return training.model_copy(update={"seed": training.seed + member.replicate})
        return self._training(name)

    def _training(self, name: str) -> TrainSettings:
        entry, own = self.models[name], f"models.{name}.train"
        changes = {**PRESETS[entry.preset]["train"], **self.train, **entry.train}

        def where(key: str | None) -> str:
            """Say where in the config a key stands."""
            return own if key in entry.train or (key is None and entry.train) else "train"

        return _within(where, TrainSettings, changes)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Check a configuration and return it typed, with its defaults.

    Raises `SeqcastError` with one line for each fault.
    """
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        raise SeqcastError("\n".join(f"config: {fault}" for fault in faults)) from None


def _describe(fault: Mapping[str, Any]) -> str:
    line = describe_fault(fault, Settings)
    if fault["type"] != "string_type" or not isinstance(fault["input"], (int, float)):
        return line
    # A file is read again where text is wanted, so this came from the command line.
    return (
        f"{line.removesuffix('a valid string')}text; of a command line Snakemake reads a number,"
        " quoted or not: write it in the config file, or choose a word"
    )


def find_text(config: Mapping[str, Any]) -> list[list[str | int]]:
    """Return the keys that lead to each value that is no text where text is wanted."""
    try:
        Settings.model_validate(dict(config))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        return [to_keys(each["loc"]) for each in faults if each["type"] == "string_type"]
    return []


def _within(where: Callable[[str | None], str], kind: type[Section], value: dict[str, Any]) -> Any:
    """Validate a part that is only complete once merged; `where` says where each key stands."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = [
            describe_fault(fault, Settings, where(fault["loc"][0] if fault["loc"] else None))
            for fault in error.errors()
        ]
        raise ValueError("\nconfig: ".join(faults)) from None


def _misfit(name: str, network: NetworkSettings, bin_size: int) -> str:
    strides = " x ".join(str(stride) for stride in network.strides)
    return (
        f"models.{name}: its strides {strides} make bins of {network.bin_size} bases, but"
        f" dataset.bin_size is {bin_size}; set dataset.bin_size: {network.bin_size}, or choose"
        f" strides whose product is {bin_size}"
    )
