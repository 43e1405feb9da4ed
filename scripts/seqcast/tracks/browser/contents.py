"""What lies inside a page for igv.js: tracks with their values, annotations with their lines.

Values are 16 bits each, 2.7 characters of base64. The same regions cut out as bigWig files would
take 7, and would have to be made files of before igv.js could read them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.tracks.browser.contributions import make_row
from seqcast.tracks.browser.cutting import (
    Cut,
    Region,
    align_regions,
    cut_features,
    name_of,
    read_values,
    to_base64,
    to_codes,
)
from seqcast.tracks.browser.explained import Explained, Peak
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.options import (
    make_annotation_track,
    make_phrase,
    make_splits_track,
    make_tracks,
    to_label,
)
from seqcast.tracks.browser.varied import VariantPlace, Varied
from seqcast.tracks.table import ALT, REF

_HEIGHT = 50
_BAR = 45
_TWO_BARS = 80
_BESIDE = 500  # bases to each side of a peak
_PLACES = {
    "id": "places",
    "name": "places",
    "type": "annotation",
    "displayMode": "EXPANDED",
    "color": "#8a8f96",
}


def make_inside_tracks(
    rows: Sequence[Mapping[str, str]], cut: Cut, *, several: bool
) -> list[dict[str, Any]]:
    """Make igv.js's options of a target's tracks, with their values in place of an address.

    `codes` are those of all regions in a row, `ranges` the lowest and highest value of each region;
    the page makes features of them. Names tell the model where there are `several`.
    """
    tracks = make_tracks(rows, lambda file: file)
    for track, row in zip(tracks, rows, strict=True):
        _put_values(track, cut.values[row["file"]])
        # The page says the units once; a long name would hide coverage.
        phrase = make_phrase(row["kind"], row["model"] if several else "")
        track["name"] = to_label(f"{row['target']} {phrase}")
        track["height"] = _HEIGHT
        # Bins as they are, not means over pixels: there are few enough to draw.
        track["windowFunction"] = "none"
    return tracks


def _put_values(track: dict[str, Any], values: Sequence[np.ndarray]) -> None:
    """Put the values of regions into a track in place of its address."""
    codes = [to_codes(each) for each in values]
    del track["url"], track["format"]
    track["codes"] = to_base64(np.concatenate([each[0] for each in codes]))
    track["ranges"] = [[low, high] for _, low, high in codes]


def widen(peak: Peak) -> Peak:
    """Return what a page holds about a peak: room to move and to see its surroundings as bars."""
    return replace(peak, start=max(peak.start - _BESIDE, 0), end=peak.end + _BESIDE)


def make_letters_track(
    explained: Explained, target: str, model: str, peaks: Sequence[Peak], *, several: bool
) -> dict[str, Any] | None:
    """Make a target's track of letters at those peaks where it was explained; None if at none.

    Its `regions` are bases, where other tracks have the bins of all regions of the page.
    """
    wide = [widen(peak) for peak in peaks]
    values = [explained.read(target, model, each) for each in wide]
    known = [place for place, each in enumerate(values) if np.isfinite(each).any()]
    if not known:
        return None
    row = make_row(target, model, explained.files[target, model])
    (track,) = make_tracks([row], lambda file: file)
    track["name"] = to_label(f"{target} {make_phrase(row['kind'], model if several else '')}")
    track["regions"] = [
        [name_of(wide[place].chrom), wide[place].start, wide[place].end, 1] for place in known
    ]
    _put_values(track, [values[place] for place in known])
    return track


def make_allele_tracks(
    varied: Varied, places: Sequence[VariantPlace], bin_size: int
) -> dict[str, list[dict[str, Any]]]:
    """Make REF's and ALT's track of each target that has variants among the places.

    Their `regions` are those of its variants.
    """
    tracks: dict[str, list[dict[str, Any]]] = {}
    for target in dict.fromkeys(place.target for place in places):
        own = [place for place in places if place.target == target]
        for allele in (REF, ALT):
            path = varied.files[target, own[0].model, allele]
            row = {"file": path.name, "target": target, "model": "", "kind": allele, "units": ""}
            (track,) = make_tracks([row], lambda file: file)
            track["name"] = to_label(f"{target} {make_phrase(allele)}")
            regions = [Region(each.chrom, each.start, each.end, bin_size) for each in own]
            regions = align_regions(path, regions, bin_size)
            track["regions"] = [
                [name_of(each.chrom), each.start, each.end, bin_size] for each in regions
            ]
            track |= {"height": _HEIGHT, "windowFunction": "none"}
            _put_values(track, read_values(path, regions))
            tracks.setdefault(target, []).append(track)
    return tracks


def make_annotations(
    folder: Path, regions: Sequence[Region], loci: Sequence[Locus], files: Sequence[str | Path]
) -> list[dict[str, Any]]:
    """Make the tracks that are always on: letters, places, splits, and the user's `files`."""
    places = [
        {"chr": name_of(each.chrom), "start": each.start, "end": each.end, "name": each.name}
        for each in loci
    ]
    # Places that overlap share a region, and are drawn one below the other.
    height = _BAR if len(regions) == len(loci) else _TWO_BARS
    tracks: list[dict[str, Any]] = [
        {"type": "sequence", "order": -3},
        _PLACES | {"features": places, "order": -2, "height": height},
    ]
    if (folder / "splits.bed").is_file():
        splits = cut_features(folder / "splits.bed", regions)
        tracks += [make_splits_track(splits) | {"order": -1, "height": _BAR}] if splits else []
    for place, path in enumerate(map(Path, files)):
        track = make_annotation_track(path.name, "", 1_000_000 + place)
        url = cut_features(path, regions, of_bed=track["format"] not in ("gff3", "gtf"))
        tracks += [track | {"url": url}] if url else []
    return tracks
