"""`hub.txt`: the tracks as a hub for UCSC's genome browser, in one file.

Settings as in UCSC's track database definition, version 3
(https://genome.ucsc.edu/goldenPath/help/trackDb/trackDbHub.html).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyfaidx

from seqcast.core.disk import write_text
from seqcast.core.printable import to_printable
from seqcast.core.seal import check_seal
from seqcast.genome.codes import encode
from seqcast.tracks.browser.bigbed import write_bigbed
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.options import Scales
from seqcast.tracks.browser.page import read_sizes
from seqcast.tracks.browser.panels import STAND_IN, Panel, Track, find_panels
from seqcast.tracks.browser.scales import compute_scales
from seqcast.tracks.browser.twobit import make_room_for_twobit, write_twobit
from seqcast.tracks.browser.view import View
from seqcast.tracks.files import format_of
from seqcast.tracks.table import GENOME_REMEDY, OBSERVED, PREDICTED, read_tracks

SHORT_LABEL, LONG_LABEL = 17, 76  # letters that UCSC shows
_LONGEST_NAME = 60
_PIECE = 1 << 24  # bases read at once
# Zoomed out, a pixel is the mean of its bins: whiskers and maxima hide an overlay.
_DRAWN = {"windowingFunction": "mean", "alwaysZero": "on"}

Stanza = Mapping[str, str]


def write_hub(view: View, email: str = "you@example.org") -> Path:
    """Write `hub.txt` for the tracks of a folder, and return its path.

    Where the genome has no name at UCSC (`view.ucsc`, as `hg19`), or is a stand-in, the folder's
    `genome.fa` becomes an assembly hub, with `genome.2bit` beside it. `splits.bed` becomes
    `splits.bb`. The best dozen targets by `view.scores` is on at first. UCSC asks for an `email`
    address in every hub. Raises SeqcastError where tracks are missing.
    """
    folder, name = view.folder, view.title
    panels = find_panels(folder, view.scores)
    sizes = read_sizes(folder)
    if view.is_stand_in or not view.ucsc:
        _write_genome(folder, sizes)
        genome = _make_assembly(name, sizes, view.locus, view.is_stand_in)
    else:
        (folder / "genome.2bit").unlink(missing_ok=True)
        genome = {"genome": view.ucsc}
    stanzas = [_make_hub(name, email, view.is_stand_in), genome, *_make_splits(folder, sizes)]
    stanzas += _make_motifs(folder, sizes)
    stanzas += _make_tracks(panels, compute_scales(folder, read_tracks(folder / "tracks.tsv")))
    path = folder / "hub.txt"
    write_text(path, "\n".join(map(_format_stanza, stanzas)))
    return path


def _make_hub(name: str, email: str, is_stand_in: bool) -> Stanza:
    note = f" ({STAND_IN})" if is_stand_in else ""
    return {
        "hub": _symbol(name),
        "shortLabel": _label(name, SHORT_LABEL),
        "longLabel": _label(f"seqcast, {name}: observed and predicted coverage", LONG_LABEL, note),
        "useOneFile": "on",
        "email": email,
    }


def _make_assembly(
    name: str, sizes: Mapping[str, int], locus: Locus | None, is_stand_in: bool
) -> Stanza:
    first = next(iter(sizes))
    locus = locus or Locus("", first, 0, min(sizes[first], 1_000_000))
    what = STAND_IN if is_stand_in else "the run's own genome"
    return {
        "genome": _symbol(name),
        "twoBitPath": "genome.2bit",
        "chromSizes": "genome.chrom.sizes",
        "organism": _label(name, LONG_LABEL),
        "scientificName": _label(name, LONG_LABEL),
        "description": what,
        "defaultPos": f"{locus.chrom}:{locus.start + 1}-{locus.end}",
    }


def _make_splits(folder: Path, sizes: Mapping[str, int]) -> list[Stanza]:
    what = "Windows the model was trained on, validated with and tested on"
    own = {"type": "bigBed 9", "shortLabel": "train valid test", "longLabel": what, "itemRgb": "on"}
    return _make_features(folder, sizes, "splits", own)


def _make_motifs(folder: Path, sizes: Mapping[str, int]) -> list[Stanza]:
    what = "Where motifs stand whose bases contribute to a prediction"
    own = {"type": "bigBed 6", "shortLabel": "motifs", "longLabel": what}
    return _make_features(folder, sizes, "motifs", own)


def _make_features(
    folder: Path, sizes: Mapping[str, int], stem: str, own: Mapping[str, str]
) -> list[Stanza]:
    """Write a bigBed of a BED file, if there is something in it, and return its stanza."""
    bed, bigbed = folder / f"{stem}.bed", folder / f"{stem}.bb"
    if not bed.is_file() or not write_bigbed(bigbed, bed, sizes):
        bigbed.unlink(missing_ok=True)
        return []
    return [
        {"track": stem, **own, "bigDataUrl": bigbed.name, "visibility": "pack", "priority": "1"}
    ]


def _make_tracks(panels: Sequence[Panel], scales: Scales) -> Iterator[Stanza]:
    symbols = _Symbols(["splits", "motifs"])
    for place, panel in enumerate(panels, 2):
        visibility = "full" if panel.is_shown else "hide"
        common = {"visibility": visibility, "priority": str(place)}
        scale = _format_scale(scales, panel.target)
        # UCSC refuses a container of one.
        if len(panel.tracks) > 1:
            container = symbols.add(panel.target)
            yield _make_container(container, panel) | common | scale
            common = {"parent": container}
        for track in panel.tracks:
            yield _make_track(symbols, panel, track) | common | scale
        for track in panel.letters:
            yield (
                _make_track(symbols, panel, track)
                | {"visibility": visibility, "priority": str(place), "autoScale": "on"}
                # Zoomed in, letters as high as the values.
                | {"logo": "on", "maxHeightPixels": "200:60:16"}
            )
        for track in panel.others:
            yield (
                _make_track(symbols, panel, track)
                | {"visibility": "hide", "priority": str(place), "autoScale": "on"}
            )


def _make_container(symbol: str, panel: Panel) -> Stanza:
    kinds = [kind for kind in (OBSERVED, PREDICTED) if kind in {t.kind for t in panel.tracks}]
    tail = f": {' and '.join(kinds)}, {panel.units}"
    return {
        "track": symbol,
        "container": "multiWig",
        "type": format_of(panel.tracks[0].file).ucsc,
        "shortLabel": _label(panel.target, SHORT_LABEL),
        "longLabel": _label(panel.target, LONG_LABEL, tail),
        "aggregate": "transparentOverlay",
        "showSubtrackColorOnUi": "on",
        "maxHeightPixels": "200:60:16",
    } | _DRAWN


def _make_track(symbols: "_Symbols", panel: Panel, track: Track) -> Stanza:
    return {
        "track": symbols.add(Path(track.file).stem),
        "type": format_of(track.file).ucsc,
        "bigDataUrl": quote(track.file),
        "shortLabel": _label(f"{track.phrase} {panel.target}", SHORT_LABEL),
        "longLabel": _label(panel.target, LONG_LABEL, f": {track.phrase}, {track.units}"),
        "color": track.rgb,
    } | _DRAWN


def _format_scale(scales: Scales, target: str) -> Stanza:
    """Return one scale for all of a target: by what is in view, or the limits if that is off."""
    limits = {}
    if target in scales:
        low, high = scales[target]
        limits = {"viewLimits": f"{low:g}:{high:g}"}
    return {"autoScale": "group"} | limits


def _format_stanza(stanza: Stanza) -> str:
    return "".join(f"{key} {value}\n" for key, value in stanza.items())


class _Symbols:
    """Names of tracks: letters, digits and `_`, a letter first, each of them once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def add(self, text: str) -> str:
        """Return a name like `text` that was not given before."""
        stem = symbol = _symbol(text)
        number = 2
        while symbol.lower() in self._taken:
            symbol, number = f"{stem}_{number}", number + 1
        self._taken.add(symbol.lower())
        return symbol


def _symbol(text: str) -> str:
    symbol = re.sub(r"[^A-Za-z0-9]+", "_", _plain(text)).strip("_")[:_LONGEST_NAME]
    return symbol if symbol[:1].isalpha() else f"seqcast_{symbol}".rstrip("_")


def _label(text: str, length: int, tail: str = "") -> str:
    """Shorten a text to `length` letters, its tail kept."""
    text, tail = _plain(text), _plain(tail, strip=False)[: length - 4]
    room = length - len(tail)
    return (text if len(text) <= room else text[: room - 2].rstrip() + "..") + tail


def _plain(text: str, *, strip: bool = True) -> str:
    """Turn a text into ASCII that is safe in a hub: UCSC puts labels into its pages as they are."""
    text = to_printable(text)
    for letter, other in {"&": "+", "<": "(", ">": ")", '"': "'", "\\": "/", "ß": "ss"}.items():
        text = text.replace(letter, other)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"\s+", " ", text.encode("ascii", "replace").decode())
    return text.strip() if strip else text


def _write_genome(folder: Path, sizes: Mapping[str, int]) -> None:
    """Write `genome.2bit` of `genome.fa`, read piece by piece."""
    path = folder / "genome.2bit"
    make_room_for_twobit(path, list(sizes), sum(sizes.values()))
    check_seal(folder / "genome.fa", GENOME_REMEDY)
    with pyfaidx.Fasta(str(folder / "genome.fa"), as_raw=True, rebuild=False) as fasta:

        def read(name: str) -> np.ndarray:
            """Read a contig piece by piece as codes."""
            codes = np.empty(sizes[name], dtype=np.uint8)
            for start in range(0, codes.size, _PIECE):
                end = min(start + _PIECE, codes.size)
                codes[start:end] = encode(fasta[name][start:end])
            return codes

        write_twobit(path, list(sizes), map(read, sizes))
