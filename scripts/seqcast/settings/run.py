"""Settings of a whole run, and how they are read."""

import re
from collections.abc import Callable, Mapping
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
from seqcast.settings.model import (
    PRESETS,
    DilatedBlock,
    ModelSettings,
    SqueezeBlock,
    TrainSettings,
)
from seqcast.settings.section import Section

STAGES = ("download", "validate", "dataset", "train", "predict", "evaluate", "export", "report")
# Folders of a run and words in the names of its tracks: a model of that name would overwrite them.
RESERVED_NAMES = (*STAGES, "logs", "observed")

SOURCES: dict[str, type[Section]] = {
    "simulated": SimulatedSettings,
    "basenji_h5": BasenjiSettings,
}

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class ModelEntry(Section):
    """One entry of `models`: a preset and what is changed of it."""

    preset: Literal["course"] = "course"
    """Network and training to start from; `course` is the chapter's."""
    model: dict[str, Any] = {}
    """Changes to the preset's network."""
    train: dict[str, Any] = {}
    """Changes to the preset's training, over those of the top-level `train`."""


class PredictSettings(Section):
    """What is predicted."""

    split: Literal["train", "valid", "test", "all"] = "test"
    """Windows of which split."""
    windows: PositiveInt | None = None
    """Only the first so many windows; their shape and values are printed. None: all."""
    checkpoint: str = "best"
    """`best`, an epoch's number where snapshots are kept, or the path of a model
    (`.safetensors`, or a Chainer snapshot of the course)."""
    batch_size: PositiveInt = 8
    """Windows predicted at once."""


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
    """Where the data come from; each source has its own keys."""
    train: dict[str, Any] = {}
    """Training settings for all models; an entry of `models` may change them."""
    models: dict[Name, ModelEntry] = Field(default={"default": ModelEntry()}, min_length=1)
    """The networks to train and compare, by name."""
    predict: PredictSettings = PredictSettings()
    """What is predicted, and with which weights."""
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
        return _within(lambda _: f"models.{name}.model", ModelSettings, changes)

    def training(self, name: str) -> TrainSettings:
        """Return the training of a model: its preset, the run's `train`, the entry's changes."""
        entry, own = self.models[name], f"models.{name}.train"
        changes = {**PRESETS[entry.preset]["train"], **self.train, **entry.train}

        def place(key: str | None) -> str:
            return own if key in entry.train or (key is None and entry.train) else "train"

        return _within(place, TrainSettings, changes)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Check a configuration and return it typed, with its defaults.

    Raises `SeqcastError` with one line for each fault.
    """
    try:
        return Settings.model_validate(dict(config))
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        raise SeqcastError("\n".join(f"config: {fault}" for fault in faults)) from None


def _within(place: Callable[[str | None], str], kind: type[Section], value: dict[str, Any]) -> Any:
    """Validate a part that is only complete once merged; `place` says where each key stands."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = [
            _describe(fault, place(fault["loc"][0] if fault["loc"] else None))
            for fault in error.errors()
        ]
        raise ValueError("\nconfig: ".join(faults)) from None


def _describe(fault: Mapping[str, Any], place: str = "") -> str:
    """Write one of pydantic's faults as a line: the place, what was found, what to do."""
    loc = [str(part) for part in fault["loc"] if part != "[key]"]
    if not place and loc[:1] == ["dataset"]:
        del loc[1:2]  # the union's member, which does not stand in the user's file
    where = ".".join([*([place] if place else []), *loc])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{_explain_key(where, str(fault['loc'][1:2]))}"
    if fault["type"] == "missing":
        return f"{where}: is needed and not given"
    message, found = fault["msg"].removeprefix("Value error, "), fault["input"]
    if fault["type"] == "value_error":
        return f"{where}: {message}" if where and not message.startswith(where) else message
    if not message.startswith("Input should be "):
        return f"{where}: found {found!r}; {message[0].lower()}{message[1:]}"
    wanted = re.split(", unable| or instance", message.removeprefix("Input should be "))[0]
    wanted = wanted.replace("a valid dictionary", "a mapping").replace("a valid tuple", "a list")
    choices = re.findall("'([^']*)'", wanted) if fault["type"] == "literal_error" else []
    return f"{where}: found {found!r}, wanted {wanted}{suggest(str(found), choices)}"


def _explain_key(where: str, loc: str) -> str:
    """Say what an unknown key may have been meant to be."""
    *path, key = where.split(".")
    kind: type[Section] | None = {
        "": Settings,
        "train": TrainSettings,
        "predict": PredictSettings,
        "report": ReportSettings,
    }.get(".".join(path))
    if path[:1] == ["dataset"]:
        kind = next(kind for name, kind in SOURCES.items() if name in loc)
        for name, other in SOURCES.items():
            if key in other.model_fields:
                return f"; it belongs to dataset.source: {name}"
    elif path[:1] == ["models"]:
        inside = [part for part in path[2:] if not part.isdigit()]
        kind = _MODEL_PARTS.get(".".join(inside))
    return suggest(key, list(kind.model_fields)) if kind else ""


_MODEL_PARTS: dict[str, type[Section]] = {
    "": ModelEntry,
    "train": TrainSettings,
    "model": ModelSettings,
    "model.squeeze": SqueezeBlock,
    "model.dilated": DilatedBlock,
}


def _misfit(name: str, model: ModelSettings, bin_size: int) -> str:
    strides = " x ".join(str(block.stride) for block in model.squeeze)
    return (
        f"models.{name}: its strides {strides} make bins of {model.bin_size} bases, but"
        f" dataset.bin_size is {bin_size}; set dataset.bin_size: {model.bin_size}, or choose"
        f" strides whose product is {bin_size}"
    )
