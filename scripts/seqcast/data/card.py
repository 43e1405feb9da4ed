"""What a model file says of itself; read without torch.

The format is specified in docs/formats.md.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt, model_validator
from safetensors import SafetensorError, safe_open

from seqcast.core.damage import refuse_damage
from seqcast.core.disk import check_format
from seqcast.core.errors import list_some
from seqcast.core.seal import AGAIN, check_seal, damaged
from seqcast.data import older_models
from seqcast.data.targets import Targets
from seqcast.settings import TrainSettings
from seqcast.settings.headers import check_header
from seqcast.settings.network import AnyNetwork
from seqcast.settings.section import Section

FORMAT = "seqcast-model"
FORMAT_VERSION = 5
# One key, because the order of several is not the same in every run.
KEY = "seqcast"
# The seal is the first key, so that it lies near the file's start.
SEAL_KEY = "_seal"
_REMEDY = f"{AGAIN}, which trains it anew"


class TrainingFacts(Section):
    """What a model file says of its training; None is what it does not say."""

    epoch: PositiveInt | None = None
    valid_loss: float | None = None
    constant_targets: tuple[str, ...] | None = None
    settings: TrainSettings | None = None
    device: str | None = None
    precision: str | None = None
    threads: PositiveInt | None = None
    processes: PositiveInt | None = None
    parameters: PositiveInt | None = None
    receptive_field: PositiveInt | None = None
    window: PositiveInt | None = None
    dataset_digest: str | None = None
    fold: NonNegativeInt | None = None
    torch: str | None = None


def explain_constant(names: Sequence[str]) -> str:
    """Say that a model has not learned these of its targets, and what to do."""
    return (
        f"not learned: {list_some(names)}; nearly the same is predicted in every validation bin,"
        " though what was observed varies. Look at the track (few reads? one peak that dwarfs the"
        " rest? then set its clip), lower train.learning_rate, or train for more epochs"
    )


class Card(Section):
    """The header of a model file."""

    format: str
    format_version: int
    network: AnyNetwork
    targets: Targets
    crop: NonNegativeInt
    bin_size: PositiveInt
    alphabet: Literal["ACGT"]
    seqcast: str
    training: TrainingFacts

    @model_validator(mode="after")
    def _check(self) -> "Card":
        network = self.network
        field = self.training.receptive_field
        if self.bin_size != network.bin_size:
            strides = " x ".join(str(stride) for stride in network.strides)
            raise ValueError(
                f"bin_size is {self.bin_size}, but the strides {strides} make bins of"
                f" {network.bin_size}"
            )
        if field not in (None, network.receptive_field):
            raise ValueError(
                f"training.receptive_field is {field}, but the network sees"
                f" {network.receptive_field} bases"
            )
        return self


def read_card(path: str | Path) -> Card:
    """Read what a model file says of itself, without its weights.

    Raises `SeqcastError` for a file that is no model or damaged, or whose header cannot be true.
    """
    wanted = (FORMAT, FORMAT_VERSION)
    header = read_header(Path(path), wanted, "a model", _REMEDY, older=older_models.VERSION)
    if header["format_version"] == older_models.VERSION:
        header = older_models.rename_header(header)
    hint = "train it anew, or use the seqcast that wrote it"
    return check_header(Card, json.dumps(header), path, hint)


def read_header(
    path: Path, wanted: tuple[str, int], what: str, remedy: str, *, older: int | None = None
) -> dict[str, Any]:
    """Read what a sealed safetensors file says of itself, once its seal and format are right.

    `what` the file should be and `remedy` stand in the `SeqcastError` of one that is not as
    written. Besides the `wanted` version an `older` one may be read as well.
    """
    with refuse_damage(path, f"cannot be read as {what}", remedy):
        is_sealed = check_seal(path, remedy)
        try:
            with safe_open(path, "np") as file:
                text = (file.metadata() or {}).get(KEY, "{}")
        except SafetensorError as error:
            raise ValueError(error) from None
    header = check_header(dict[str, Any], text, path, remedy)
    if older is not None and header.get("format_version") == older:
        wanted = (wanted[0], older)
    check_format(path, header, wanted, "make it anew, or use the seqcast that wrote it")
    # This version has a seal: it is the mark itself that is damaged.
    if not is_sealed:
        raise damaged(path, remedy)
    return {key: value for key, value in header.items() if key != SEAL_KEY}
