"""What the files of a source held when they were judged."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from seqcast.core.console import progress
from seqcast.core.provenance import digest_samples

_BLOCK = 1 << 22


def digest_files(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Return of each file, by its path, `sha256` of all its bytes and `samples` of some.

    `samples` is what rules rerun for (`provenance.digest_samples`). Every file is read once, from
    end to end, with progress: seconds a gigabyte.
    """
    paths = list(dict.fromkeys(paths))
    total = sum(path.stat().st_size for path in paths)
    with progress(total, "reading all files once", "bytes") as bar:
        return {
            str(path): {"samples": digest_samples(path), "sha256": _digest(path, bar)}
            for path in paths
        }


def _digest(path: Path, bar: tqdm) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
            bar.update(len(block))
    return total.hexdigest()
