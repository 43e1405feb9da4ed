"""What is known of the targets that TF-MoDISco looked at, as files of `parts/`."""

import json
from pathlib import Path
from typing import Any

from seqcast.core.damage import refuse_damage
from seqcast.core.disk import check_format
from seqcast.core.seal import AGAIN, read_sealed

FORMAT, FORMAT_VERSION = "seqcast-discovered", 1


def read_facts(path: Path) -> dict[str, Any]:
    """Read what is known of one target, or of all."""
    text = read_sealed(path, AGAIN)
    with refuse_damage(path, "does not say what was discovered", AGAIN):
        said = json.loads(text)
        check_format(path, said, (FORMAT, FORMAT_VERSION), AGAIN)
        return said


def read_discovered(path: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Read what is known of each target, and the versions that found it."""
    said = read_facts(path)
    return said["targets"], said["versions"]
