"""Settings of a whole run, and how they are read."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import (
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from seqcast.errors import SeqcastError, suggest
from seqcast.settings.data import BasenjiSettings, SimulatedSettings
from seqcast.settings.model import PRESETS, ModelSettings, TrainSettings
from seqcast.settings.section import Section

STAGES = ("download", "validate", "dataset", "train", "predict", "evaluate", "export", "report")
# Folders of a run and words in the names of its tracks: a model of that name would overwrite them.
RESERVED_NAMES = (*STAGES, "logs", "observed")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class ModelEntry(Section):
    """One entry of `models`: a preset and what is changed of it."""

    preset: Literal["course"] = "course"
    model: dict[str, Any] = {}
    """Changes to the preset's network."""
    train: dict[str, Any] = {}
    """Changes to the preset's training, over those of the top-level `train`."""


class PredictSettings(Section):
    """What is predicted."""

    split: Literal["train", "valid", "test", "all"] = "test"
    windows: PositiveInt | None = None
    """Only the first so many windows; their shape and values are printed. None: all."""
    checkpoint: str = "best"
    """`best`, an epoch's number where snapshots are kept, or the path of a model
    (`.safetensors`, or a Chainer snapshot of the course)."""
    batch_size: PositiveInt = 8

    @field_validator("checkpoint", mode="before")
    @classmethod
    def _checkpoint(cls, value: Any) -> str:
        return str(value)


class ReportSettings(Section):
    """What the report shows."""

    title: str = ""
    """Heading of the page; empty: the name of the run."""


class Settings(Section):
    """A whole run."""

    run: Name = "demo"
    """Everything the run makes lies in results/<run>."""
    dataset: Annotated[
        Union[SimulatedSettings, BasenjiSettings],  # noqa: UP007 - pydantic names the union's members
        Field(discriminator="source"),
    ] = SimulatedSettings()
    train: dict[str, Any] = {}
    """Training settings for all models; an entry of `models` may change them."""
    models: dict[Name, ModelEntry] = Field(default={"default": ModelEntry()}, min_length=1)
    predict: PredictSettings = PredictSettings()
    report: ReportSettings = ReportSettings()

    @field_validator("models", mode="before")
    @classmethod
    def _entries(cls, models: Any) -> Any:
        if isinstance(models, Mapping):  # `default:` with nothing after it is the preset as it is
            return {name: entry if entry is not None else {} for name, entry in models.items()}
        return models

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        for name in self.models:
            if name in RESERVED_NAMES:
                raise ValueError(
                    f"models.{name}: {name!r} is a name seqcast uses itself; choose another"
                )
            model, train = self.network(name), self.training(name)
            if model.bin_size != self.dataset.bin_size:
                raise ValueError(_misfit(name, model, self.dataset.bin_size))
            self._check_checkpoint(name, train)
        return self

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

    def network(self, name: str) -> ModelSettings:
        """Return the network of a model: its preset with the entry's changes."""
        entry = self.models[name]
        changes = {**PRESETS[entry.preset]["model"], **entry.model}
        return _within(f"models.{name}.model", ModelSettings, changes)

    def training(self, name: str) -> TrainSettings:
        """Return the training of a model: its preset, the run's `train`, the entry's changes."""
        entry = self.models[name]
        _within("train", TrainSettings, self.train)
        changes = {**PRESETS[entry.preset]["train"], **self.train, **entry.train}
        return _within(f"models.{name}.train", TrainSettings, changes)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Check a configuration and return it typed, with its defaults.

    Raises `SeqcastError` with one line for each fault.
    """
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        raise SeqcastError("\n".join(f"config: {fault}" for fault in faults)) from None


def make_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration, for editors and for Snakemake."""
    schema = Settings.model_json_schema()
    for key, kind in (("train", TrainSettings),):
        partial = kind.model_json_schema()
        schema["properties"][key] = {**partial, "description": Settings.__doc__ and key}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _within(place: str, kind: type[Section], value: dict[str, Any]) -> Any:
    """Validate a part that is only complete once merged, naming where it stands."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = [_describe(fault, place) for fault in error.errors()]
        raise ValueError("\nconfig: ".join(faults)) from None


def _describe(fault: Mapping[str, Any], place: str = "") -> str:
    """Write one of pydantic's faults as a line: the place, what was found, what to do."""
    # The union's member appears in the place of a fault inside it, but not in the user's file.
    parts = [str(part) for part in fault["loc"] if part not in ("simulated", "basenji_h5")]
    where = ".".join([*([place] if place else []), *parts])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{suggest(parts[-1], _known_keys(where))}"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where else message
    found = fault["input"]
    if fault["type"] == "missing":
        return f"{where}: is needed and not given"
    return f"{where}: found {found!r}; {message[0].lower()}{message[1:]}"


def _known_keys(where: str) -> list[str]:
    """List the keys known beside an unknown one."""
    kinds: dict[str, tuple[type[Section], ...]] = {
        "dataset": (SimulatedSettings, BasenjiSettings),
        "train": (TrainSettings,),
        "predict": (PredictSettings,),
        "report": (ReportSettings,),
    }
    path = where.split(".")[:-1]
    if not path:
        return list(Settings.model_fields)
    if path[0] == "models" and len(path) >= 2:
        kinds_here = {"train": TrainSettings, "model": ModelSettings}
        return list(kinds_here.get(path[-1], ModelEntry).model_fields)
    return [key for kind in kinds.get(path[0], ()) for key in kind.model_fields]


def _misfit(name: str, model: ModelSettings, bin_size: int) -> str:
    strides = " x ".join(str(block.stride) for block in model.squeeze)
    return (
        f"models.{name}: its strides {strides} make bins of {model.bin_size} bases, but"
        f" dataset.bin_size is {bin_size}; set dataset.bin_size: {model.bin_size}, or choose"
        f" strides whose product is {bin_size}"
    )
