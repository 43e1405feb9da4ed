"""What a model file says of itself; read without torch.

The format is specified in docs/formats.md.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seqcast.damage import refuse_damage
from seqcast.disk import check_format

FORMAT = "seqcast-model"
FORMAT_VERSION = 3
# One key, because the order of several is not the same in every run.
KEY = "seqcast"


def read_card(path: str | Path) -> dict[str, Any]:
    """Read what a model file says of itself, without its weights."""
    mend = "train it anew, or use the seqcast that wrote it"
    with refuse_damage(path, "cannot be read as a model", mend):
        try:
            with safe_open(path, "np") as file:
                card = json.loads((file.metadata() or {}).get(KEY, "{}"))
        except SafetensorError as error:
            raise ValueError(error) from None
        check_format(Path(path), card, (FORMAT, FORMAT_VERSION), mend)
    return card
