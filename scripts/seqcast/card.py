"""What a model file says of itself; read without torch.

The format is specified in docs/formats.md.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seqcast.disk import check_format
from seqcast.errors import SeqcastError

FORMAT = "seqcast-model"
FORMAT_VERSION = 4
# One key, because the order of several is not the same in every run.
KEY = "seqcast"


def read_card(path: str | Path) -> dict[str, Any]:
    """Read what a model file says of itself, without its weights."""
    try:
        with safe_open(path, "np") as file:
            card = json.loads((file.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, OSError) as error:
        raise SeqcastError(f"{path}: cannot be read as a model ({error})") from None
    mend = "train it anew, or use the seqcast that wrote it"
    check_format(Path(path), card, (FORMAT, FORMAT_VERSION), mend)
    return card
