"""What a model file says of itself; read without torch.

The format is specified in docs/formats.md.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from seqcast.disk import check_format
from seqcast.errors import SeqcastError
from seqcast.seal import AGAIN, check_seal, damaged

FORMAT = "seqcast-model"
FORMAT_VERSION = 4
# One key, because the order of several is not the same in every run.
KEY = "seqcast"
# The seal is the first key, so that it lies near the file's start.
SEAL_KEY = "_seal"
_REMEDY = f"{AGAIN}, which trains it anew"


def read_card(path: str | Path) -> dict[str, Any]:
    """Read what a model file says of itself, without its weights."""
    return read_header(Path(path), (FORMAT, FORMAT_VERSION), "a model", _REMEDY)


def read_header(path: Path, wanted: tuple[str, int], what: str, remedy: str) -> dict[str, Any]:
    """Read what a sealed safetensors file says of itself, once its seal and format are right.

    `what` the file should be and `remedy` stand in the `SeqcastError` of one that is not as
    written.
    """
    try:
        is_sealed = check_seal(path, remedy)
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise SeqcastError(f"{path}: cannot be read as {what} ({error}); {remedy}") from None
    check_format(path, header, wanted, "make it anew, or use the seqcast that wrote it")
    # This version has a seal: it is the mark itself that is damaged.
    if not is_sealed:
        raise damaged(path, remedy)
    return {key: value for key, value in header.items() if key != SEAL_KEY}
