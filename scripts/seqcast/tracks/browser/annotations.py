"""The user's genes and peaks, copied beside the tracks, where the page may read them."""

import gzip
import shutil
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seqcast.core.console import log
from seqcast.core.disk import is_gzip, written_whole
from seqcast.core.errors import SeqcastError
from seqcast.tracks.browser.options import make_annotation_track

FOLDER = "annotation"
# Hits of motifs, beside the tracks.
MOTIFS = "motifs.bed"
_LINES_READ = 10_000
_LARGE = 100_000_000


def copy_annotations(
    files: Sequence[str | Path], folder: Path, contigs: Collection[str]
) -> list[str]:
    """Copy files into `annotation/` of a folder of tracks; return their names.

    What lay there before is removed. Warns of a file none of whose first 10,000 lines names one of
    `contigs`, and of one that is slow to load. Raises SeqcastError where a file is missing, of a
    kind that cannot be shown, or called like another.
    """
    paths = [Path(each) for each in files]
    names = [path.name for path in paths]
    for path in paths:
        _check_file(path, names)
    into = folder / FOLDER
    shutil.rmtree(into, ignore_errors=True)
    for path in paths:
        _warn(path, contigs)
        into.mkdir(exist_ok=True)
        with written_whole(into / path.name) as partial:
            shutil.copyfile(path, partial)
    return names


def put_motifs(folder: Path, hits: Path | None) -> None:
    """Copy the hits of motifs beside the tracks of a folder, in place of those that lay there."""
    if hits and hits.stat().st_size:
        with written_whole(folder / MOTIFS) as partial:
            shutil.copyfile(hits, partial)
    else:
        (folder / MOTIFS).unlink(missing_ok=True)


def _check_file(path: Path, names: list[str]) -> None:
    where = "config: browse.annotation"
    make_annotation_track(path.name, "")
    if not path.is_file():
        raise SeqcastError(f"{where}: there is no file {path}; correct the path")
    if names.count(path.name) > 1:
        raise SeqcastError(f"{where}: {names.count(path.name)} files are called {path.name}")


def _warn(path: Path, contigs: Collection[str]) -> None:
    if path.stat().st_size > _LARGE:
        log.warning(
            "%s has %.0f MB, which the browser reads whole: cut it to what you need",
            *(path, path.stat().st_size / 1e6),
        )
    named = {cells[0] for cells in islice(read_cells(path), _LINES_READ)}
    if not named & set(contigs):
        log.warning(
            "%s: names contigs such as %s, on none of which tracks lie: nothing of it will show",
            *(path, ", ".join(sorted(named)[:3]) or "none at all"),
        )


def read_cells(path: Path) -> Iterator[list[str]]:
    """Yield the columns of each line of a BED or GFF file that is no comment.

    Plain or gzip, whatever the name; columns are separated by tabs, or else by blanks. Raises
    SeqcastError where the file cannot be read.
    """
    try:
        with (gzip.open if is_gzip(path) else open)(
            path, "rt", encoding="utf-8", errors="replace"
        ) as file:
            for line in file:
                if line.strip() and not line.startswith(("#", "track", "browser")):
                    yield line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
    except (OSError, EOFError, zlib.error) as error:
        raise SeqcastError(f"{path}: cannot be read as text ({error}); make it anew") from None


def make_annotation_tracks(
    names: Sequence[str], url_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Make the tracks of copied files, below all others and in the order given."""
    return [
        make_annotation_track(name, url_of(f"{FOLDER}/{name}"), 1_000_000 + place)
        for place, name in enumerate(names)
    ]
