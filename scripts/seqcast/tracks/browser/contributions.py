"""Contributions of bases, and both alleles of variants, as tracks beside the others."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqcast.core.disk import written_whole
from seqcast.tracks.browser.explained import Explained
from seqcast.tracks.browser.varied import Varied, list_tracks
from seqcast.tracks.table import CONTRIBUTIONS, read_tracks, write_tracks

FOLDER = "contributions"
_TABLE = "contributions.tsv"
_ALLELES, _ALLELES_TABLE = "variants", "variants.tsv"


def put_contributions(folder: str | Path, explained: Explained | None) -> None:
    """Put the tracks of `explain` and a table of them beside the tracks of a folder.

    What lay there before is removed; without `explained` that is all. Of models only those that the
    folder has tracks of are put: not each replicate.
    """
    folder = Path(folder)
    models = {row["model"] for row in read_tracks(folder / "tracks.tsv")}
    files = explained.files if explained else {}
    found = {key: path for key, path in files.items() if key[1] in models}
    rows = [make_row(*key, path) for key, path in found.items()]
    _put_all(folder / FOLDER, folder / _TABLE, list(found.values()), rows)


def put_alleles(folder: str | Path, varied: Varied | None) -> None:
    """Put the tracks of both alleles of the top variants, and a table of them, likewise."""
    folder = Path(folder)
    tracks = read_tracks(folder / "tracks.tsv")
    found = list_tracks(varied, {row["model"] for row in tracks}) if varied else {}
    units = {row["target"]: row["units"] for row in tracks}
    rows = [
        {
            "file": f"{_ALLELES}/{path.name}",
            "target": target,
            "model": model,
            "kind": allele,
            "units": units.get(target, ""),
            "sha256": "",
        }
        for (target, model, allele), path in found.items()
    ]
    _put_all(folder / _ALLELES, folder / _ALLELES_TABLE, list(found.values()), rows)


def _put_all(
    place: Path, table: Path, files: Sequence[Path], rows: Sequence[Mapping[str, str]]
) -> None:
    """Put files into a folder and write the table of them, in place of those that were there."""
    shutil.rmtree(place, ignore_errors=True)
    table.unlink(missing_ok=True)
    if files:
        place.mkdir()
        for path in files:
            _put(path, place / path.name)
        write_tracks(table, rows)


def read_alleles(folder: str | Path) -> list[dict[str, str]]:
    """Read the rows of the tracks of both alleles that lie beside the others."""
    table = Path(folder) / _ALLELES_TABLE
    return read_tracks(table) if table.is_file() else []


def read_all_tracks(folder: str | Path) -> list[dict[str, str]]:
    """Read the rows of `tracks.tsv`, then those of the contributions that lie beside the tracks."""
    folder = Path(folder)
    rows = read_tracks(folder / "tracks.tsv")
    return rows + (read_tracks(folder / _TABLE) if (folder / _TABLE).is_file() else [])


def make_row(target: str, model: str, path: Path) -> Mapping[str, str]:
    """Return the row of a track of contributions in a table of tracks."""
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
