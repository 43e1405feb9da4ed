"""Contributions of bases as tracks, beside the others, where any genome browser finds them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from seqcast.core.disk import written_whole
from seqcast.tracks.browser.explained import Explained
from seqcast.tracks.table import CONTRIBUTIONS, read_tracks, write_tracks

FOLDER = "contributions"
_TABLE = "contributions.tsv"


def put_contributions(folder: str | Path, explained: Explained | None) -> None:
    """Put the bigWigs of `explain` and a table of them beside the tracks of a folder.

    What lay there before is removed; without `explained` that is all. Of models only those that the
    folder has tracks of are put: not each replicate.
    """
    folder = Path(folder)
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    (folder / _TABLE).unlink(missing_ok=True)
    models = {row["model"] for row in read_tracks(folder / "tracks.tsv")}
    files = explained.files if explained else {}
    found = {key: path for key, path in files.items() if key[1] in models}
    if not found:
        return
    (folder / FOLDER).mkdir()
    for path in found.values():
        _put(path, folder / FOLDER / path.name)
    write_tracks(folder / _TABLE, [make_row(*key, path) for key, path in found.items()])


def read_all_tracks(folder: str | Path) -> list[dict[str, str]]:
    """Read the rows of `tracks.tsv`, then those of the contributions that lie beside the tracks."""
    folder = Path(folder)
    rows = read_tracks(folder / "tracks.tsv")
    return rows + (read_tracks(folder / _TABLE) if (folder / _TABLE).is_file() else [])


def make_row(target: str, model: str, path: Path) -> Mapping[str, str]:
    """Return the row of a bigWig of contributions in a table of tracks."""
    return {
        "file": f"{FOLDER}/{path.name}",
        "target": target,
        "model": model,
        "kind": CONTRIBUTIONS,
        "units": "log of coverage",
        "sha256": "",
    }


def _put(path: Path, place: Path) -> None:
    """Give a file a second name, which takes no room; on another disk copy it."""
    try:
        os.link(path, place)
    except OSError:
        with written_whole(place) as partial:
            shutil.copyfile(path, partial)
