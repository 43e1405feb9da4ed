"""What is known of the targets that TF-MoDISco looked at, as files of `parts/`."""

from pathlib import Path
from typing import Any

from seqcast.core.seal import AGAIN, read_json

FORMAT, FORMAT_VERSION = "seqcast-discovered", 1


def read_facts(path: Path) -> dict[str, Any]:
    """Read what is known of one target, or of all."""
    return read_json(path, (FORMAT, FORMAT_VERSION), "list of what was discovered", AGAIN)


def read_discovered(path: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Read what is known of each target, and the versions that found it."""
    said = read_facts(path)
    return said["targets"], said["versions"]
