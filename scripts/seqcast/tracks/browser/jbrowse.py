"""`config.json`: the tracks as a configuration of JBrowse 2.

Names as in JBrowse's configuration guide (https://jbrowse.org/jb2/docs/config_guide).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seqcast.core.disk import write_text
from seqcast.data.splits import COLOURS
from seqcast.tracks.browser.annotations import MOTIFS
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.page import read_sizes
from seqcast.tracks.browser.panels import STAND_IN, Panel, Track, find_panels
from seqcast.tracks.browser.view import View
from seqcast.tracks.files import format_of

_HEIGHT = 120  # of a target's panel, in pixels
# The title is beside it: here JBrowse's places of the form {assembly}chr1:1-100 allow no brace.
_ASSEMBLY = "genome"
# JBrowse draws a BED's own colours black; names other than these are parts that were tested.
_SPLIT_COLOUR = (
    "jexl:"
    + "".join(
        f"get(feature,'name')=='{split}'?'rgb({COLOURS[split]})':" for split in ("train", "valid")
    )
    + f"'rgb({COLOURS['test']})'"
)


def write_jbrowse(view: View) -> Path:
    """Write `config.json` for the tracks of a folder, and return its path.

    The genome is the folder's `genome.fa`. A target's observed and predicted tracks are rows of
    one panel with one scale; the best dozen targets by `view.scores` are open at first. Addresses
    are relative: the folder may lie anywhere beside or below JBrowse's. Raises SeqcastError where
    tracks are missing.
    """
    folder = view.folder
    panels = find_panels(folder, view.scores)
    sizes = read_sizes(folder)
    title = _plain(f"{view.title} ({STAND_IN})" if view.is_stand_in else view.title)
    splits = (folder / "splits.bed").is_file() and bool((folder / "splits.bed").stat().st_size)
    tracks = [_make_features("splits", "train, valid, test", _SPLIT_COLOUR)] if splits else []
    motifs = (folder / MOTIFS).is_file()
    tracks += [_make_features("motifs", "motifs", "#444444")] if motifs else []
    for number, panel in enumerate(panels, 1):
        tracks += _make_panel(number, panel)
    shown = [
        track_id
        for number, panel in enumerate(panels, 1)
        if panel.is_shown
        for track_id in (
            [f"panel_{number}"] * bool(panel.tracks)
            + [f"letters_{number}_{place}" for place, _ in enumerate(panel.letters, 1)]
        )
    ]
    shown = ["splits"] * splits + shown + ["motifs"] * motifs
    first = next(iter(sizes))
    locus = view.locus or Locus("", first, 0, sizes[first])
    config = {
        "assemblies": [_make_assembly(title)],
        "tracks": tracks,
        "defaultSession": _make_session(title, locus, shown),
        # JBrowse sends its version and the kinds of tracks to its makers if not told otherwise.
        "configuration": {"disableAnalytics": True},
    }
    path = folder / "config.json"
    write_text(path, json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    return path


def _make_assembly(title: str) -> dict[str, Any]:
    return {
        "name": _ASSEMBLY,
        "displayName": title,
        "sequence": {
            "type": "ReferenceSequenceTrack",
            "trackId": "reference",
            "adapter": {
                "type": "IndexedFastaAdapter",
                "fastaLocation": _locate("genome.fa"),
                "faiLocation": _locate("genome.fa.fai"),
            },
        },
    }


def _make_features(stem: str, name: str, colour: str) -> dict[str, Any]:
    """Make the track of a BED file of the folder."""
    return {
        "type": "FeatureTrack",
        "trackId": stem,
        "name": name,
        "assemblyNames": [_ASSEMBLY],
        "adapter": {"type": "BedAdapter", "bedLocation": _locate(f"{stem}.bed")},
        "displays": [
            {
                "type": "LinearBasicDisplay",
                "displayId": f"{stem}-display",
                "height": 60,
                "renderer": {"type": "SvgFeatureRenderer", "color1": colour},
            }
        ],
    }


def _make_panel(number: int, panel: Panel) -> list[dict[str, Any]]:
    """Make the track that holds observed and predicted, and one for each other track."""
    track_id = f"panel_{number}"
    main = {
        "type": "MultiQuantitativeTrack",
        "trackId": track_id,
        "name": _plain(f"{panel.target}, {panel.units}"),
        "assemblyNames": [_ASSEMBLY],
        "adapter": {
            "type": "MultiWiggleAdapter",
            "subadapters": [
                _make_adapter(track)
                | {"source": track.phrase, "name": track.phrase, "color": track.colour}
                for track in panel.tracks
            ],
        },
        "displays": [
            {
                "type": "MultiLinearWiggleDisplay",
                "displayId": f"{track_id}-display",
                "defaultRendering": "multirowxy",
                "autoscale": "local",
                "height": _HEIGHT,
            }
        ],
    }
    return (
        [main] * bool(panel.tracks)
        + [
            _make_other(f"letters_{number}_{place}", panel, track)
            for place, track in enumerate(panel.letters, 1)
        ]
        + [
            _make_other(f"{track_id}_{place}", panel, track)
            for place, track in enumerate(panel.others, 1)
        ]
    )


def _make_other(track_id: str, panel: Panel, track: Track) -> dict[str, Any]:
    return {
        "type": "QuantitativeTrack",
        "trackId": track_id,
        "name": _plain(f"{panel.target} {track.phrase}, {track.units}"),
        "assemblyNames": [_ASSEMBLY],
        "adapter": _make_adapter(track),
        "displays": [
            {
                "type": "LinearWiggleDisplay",
                "displayId": f"{track_id}-display",
                "autoscale": "local",
                "renderers": {"XYPlotRenderer": {"type": "XYPlotRenderer", "color": track.colour}},
            }
        ],
    }


def _make_session(name: str, locus: Locus, tracks: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "views": [
            {
                "id": "view",
                "type": "LinearGenomeView",
                "init": {"assembly": _ASSEMBLY, "loc": locus.place, "tracks": list(tracks)},
            }
        ],
    }


def _plain(name: str) -> str:
    """Keep JBrowse from taking a name for an expression to work out."""
    return f" {name}" if name.startswith("jexl:") else name


def _make_adapter(track: Track) -> dict[str, Any]:
    adapter, location = format_of(track.file).jbrowse
    return {"type": adapter, location: _locate(track.file)}


def _locate(file: str) -> dict[str, str]:
    return {"uri": quote(file), "locationType": "UriLocation"}
