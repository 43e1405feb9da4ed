"""What a genome browser shows of a folder of tracks: a panel a target, the best targets first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import find_damaged_files
from seqcast.tracks.browser.contributions import read_all_tracks
from seqcast.tracks.browser.options import COLOURS, make_phrase
from seqcast.tracks.browser.page import MOST_TARGETS
from seqcast.tracks.style import style_of
from seqcast.tracks.table import CONTRIBUTIONS, OBSERVED, PREDICTED

STAND_IN = "stand-in contigs, one a window"


@dataclass(frozen=True)
class Track:
    """A track: its file's place in the folder, what it is in words, its colour as `#rrggbb`."""

    file: str
    kind: str
    phrase: str
    colour: str
    units: str

    @property
    def rgb(self) -> str:
        """The colour as `red,green,blue`, from 0 to 255."""
        return ",".join(str(part) for part in bytes.fromhex(self.colour[1:]))


@dataclass(frozen=True)
class Panel:
    """A target: `tracks` are observed and predicted, on one scale; `others` are off at first.

    `letters` are the contributions of bases to what each model predicts. `is_shown` says whether
    the panel itself is on at first.
    """

    target: str
    units: str
    tracks: tuple[Track, ...]
    others: tuple[Track, ...]
    letters: tuple[Track, ...]
    is_shown: bool


def find_panels(folder: str | Path, scores: Mapping[str, float] | None = None) -> list[Panel]:
    """Return the panels of `tracks.tsv`, ranked by `scores` (by target, r) where they are given.

    At most `MOST_TARGETS` are shown at first. Raises SeqcastError where the table lists no track,
    or one that is not there.
    """
    folder = Path(folder)
    rows = read_all_tracks(folder)
    _check_files(folder, [row["file"] for row in rows])
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"]))
    by_target: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_target.setdefault(row["target"], []).append(row)
    ranked = sorted(by_target, key=lambda target: -_known((scores or {}).get(target)))
    return [
        _make_panel(target, by_target[target], models, place < MOST_TARGETS)
        for place, target in enumerate(ranked)
    ]


def _make_panel(
    target: str, rows: list[dict[str, str]], models: list[str], is_shown: bool
) -> Panel:
    tracks = [_make_track(row, models) for row in rows]
    main = tuple(track for track in tracks if track.kind in (OBSERVED, PREDICTED))
    letters = tuple(track for track in tracks if track.kind == CONTRIBUTIONS)
    others = tuple(track for track in tracks if track not in (*main, *letters))
    return Panel(target, rows[0]["units"], main, others, letters, is_shown)


def _make_track(row: dict[str, str], models: list[str]) -> Track:
    kind, model = row["kind"], row["model"]
    # Models may be drawn over each other, so each has its colour, the same as in the figures.
    colour = style_of(models.index(model)).colour if kind == PREDICTED else COLOURS[kind]
    phrase = make_phrase(kind, model if len(models) > 1 else "")
    return Track(row["file"], kind, phrase, colour, row["units"])


def _check_files(folder: Path, files: list[str]) -> None:
    if not files:
        raise SeqcastError(f"{folder}/tracks.tsv: lists no tracks; run `snakemake export` again")
    if damaged := find_damaged_files(folder / "tracks.tsv"):
        raise SeqcastError(
            f"{folder}/tracks.tsv: {len(damaged):,} of {len(files):,} tracks are not there or"
            f" damaged, the first is {damaged[0]}; run `snakemake export` again"
        )


def _known(score: float | None) -> float:
    return -math.inf if score is None or math.isnan(score) else score
