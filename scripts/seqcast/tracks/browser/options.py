"""What igv.js is told: the genome, the tracks of a table, annotations; all of it JSON-able.

The names of options are those of igv.js (https://igv.org/doc/igvjs). Nothing here touches a file:
`url_of` says where the browser finds each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from seqcast.core.errors import SeqcastError
from seqcast.data import splits
from seqcast.tracks import letters, style
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.files import format_of
from seqcast.tracks.table import ALT, CONTRIBUTIONS, OBSERVED, PREDICTED, REF, RESIDUAL, SPREAD

COLOURS = {
    OBSERVED: style.OBSERVED,
    PREDICTED: style.PREDICTED,
    SPREAD: style.QUIET,
    RESIDUAL: style.PREDICTED,
    CONTRIBUTIONS: "#6a4c93",
    REF: style.REF,
    ALT: style.ALT,
}
# What the styles of pages know by name: kinds of tracks, and letters.
PAGE_COLOURS = (
    COLOURS | letters.COLOURS | {split: f"rgb({rgb})" for split, rgb in splits.COLOURS.items()}
)
# Bars below zero are no other strand: the same colour, paler.
PALE = "#b9a7d3"
# Of what is off the scale only the top shows; this marks it, in a colour of no track.
OVERFLOW = "#000000"
HEIGHT, LETTERS_HEIGHT = 40, 70
# igv.js lists chromosomes in a drop-down and draws them side by side: no use for so many.
MOST_CHROMOSOMES = 100
ANNOTATIONS = {
    ".bed": "bed",
    ".narrowpeak": "narrowPeak",
    ".broadpeak": "broadPeak",
    ".gff3": "gff3",
    ".gff": "gff3",
    ".gtf": "gtf",
}

_ABOUT_LETTERS = (
    "A letter is as high as its base adds to the natural logarithm of the predicted coverage around"
    " the peak: 0.1 is about 10 % more. Upside down, it takes away. Zoomed out, bars are means."
)

Scales = Mapping[str, tuple[float, float]]


def make_options(
    reference: Mapping[str, Any], tracks: Sequence[Mapping[str, Any]], locus: str
) -> dict[str, Any]:
    """Make what `igv.createBrowser` wants; nothing in it asks for anything outside."""
    return {
        "reference": dict(reference),
        "tracks": [dict(track) for track in tracks],
        "locus": locus,
        # Left out, these two look up names of genes and lists of genomes at igv.org.
        "search": False,
        "loadDefaultGenomes": False,
        "showSampleNames": False,
        "showSampleNameButton": False,
        "showMultiSelectButton": False,
        "showCenterGuideButton": False,
        "showIdeogram": False,
        "nucleotideColors": dict(letters.COLOURS),
        # For the tracks of contributions (`letters.js`); igv.js lets them pass.
        "letters": letters.LETTERS,
    }


def make_reference(
    name: str, url_of: Callable[[str], str], contigs: int, *, is_stand_in: bool = False
) -> dict[str, Any]:
    """Make the genome: `genome.fa` and its index, with so many contigs.

    Contigs of a stand-in assembly, one a window, are no chromosomes to be seen side by side.
    """
    side_by_side = 1 < contigs <= MOST_CHROMOSOMES and not is_stand_in
    return {
        "id": name,
        "name": name,
        "fastaURL": url_of("genome.fa"),
        "indexURL": url_of("genome.fa.fai"),
        "wholeGenomeView": side_by_side,
        # igv.js fails to fill its drop-down where it has no view of the whole genome.
        "showChromosomeWidget": side_by_side,
    }


def make_tracks(
    rows: Iterable[Mapping[str, str]],
    url_of: Callable[[str], str],
    scales: Scales | None = None,
) -> list[dict[str, Any]]:
    """Make the tracks of a table (rows of `tracks.tsv`), in its order.

    What was observed and predicted of a target shares one scale, fitted to what is in view; a
    `scale` from `scales`, lowest and highest value, rides along for pages that can hold it.
    `target`, `model` and `kind` say what a track is; igv.js lets them pass.
    """
    rows = list(rows)
    models = {row["model"] for row in rows} - {""}
    return [
        _make_track(place, row, url_of(row["file"]), scales or {}, len(models) > 1)
        for place, row in enumerate(rows, 1)
    ]


def _make_track(
    place: int, row: Mapping[str, str], url: str, scales: Scales, several: bool
) -> dict[str, Any]:
    kind, target = row["kind"], row["target"]
    phrase = make_phrase(kind, row["model"] if several else "")
    track = {
        "id": row["file"],
        "name": to_label(f"{target} {phrase}, {row['units']}"),
        "type": "wig",
        "format": format_of(row["file"]).igv_js,
        "url": url,
        "color": COLOURS[kind],
        "height": HEIGHT,
        "order": place,
        "overflowColor": OVERFLOW,
        # Pages switch tracks on and off themselves.
        "removable": False,
        "target": target,
        "model": row["model"],
        "kind": kind,
    }
    if kind == CONTRIBUTIONS:
        drawn = {"type": "letters", "altColor": PALE, "height": LETTERS_HEIGHT}
        return track | drawn | {"autoscale": True, "description": _ABOUT_LETTERS}
    if kind == RESIDUAL:
        return track | {"altColor": COLOURS[OBSERVED], "autoscale": True}
    if kind == SPREAD:
        return track | {"autoscale": True}
    scale = {"scale": list(scales[target])} if target in scales else {}
    return track | {"autoscaleGroup": target} | scale


def to_label(name: str) -> str:
    """Write a track's name for igv.js, which takes it for HTML."""
    return escape(name, quote=False)


def make_phrase(kind: str, model: str = "") -> str:
    """Say in words what a kind of track is, by a model where there are several."""
    if kind == RESIDUAL:
        return f"predicted{f' by {model}' if model else ''} less observed"
    if kind == CONTRIBUTIONS:
        return f"bases that matter{f' to {model}' if model else ''}"
    if kind in (REF, ALT):
        return f"predicted with {kind}{f' by {model}' if model else ''}"
    by = {PREDICTED: f" by {model}", SPREAD: f" of {model}"}
    return kind + (by.get(kind, "") if model else "")


def make_splits_track(url: str) -> dict[str, Any]:
    """Make the annotation of `splits.bed`: what was train, valid or test, in colours and words."""
    return {
        "id": "splits.bed",
        "name": "split",
        "description": "Where the model learned (train), was chosen (valid) and is tested (test)",
        "type": "annotation",
        "format": "bed",
        "url": url,
        "indexed": False,
        "displayMode": "COLLAPSED",
        "height": 36,
        "order": 0,
    }


def make_variants_track(spots: Iterable[Locus]) -> dict[str, Any]:
    """Make the annotation of the top variants, by name."""
    return {
        "id": "top variants",
        "name": "variants",
        "description": "The variants of the largest effects",
        "type": "annotation",
        "features": [
            {"chr": each.chrom, "start": each.start, "end": each.end, "name": each.name}
            for each in spots
        ],
        "displayMode": "EXPANDED",
        "color": COLOURS[ALT],
        "height": 45,
        "order": 0.5,
    }


def make_motifs_track(url: str) -> dict[str, Any]:
    """Make the annotation of where motifs stand that matter, by name; searched for by it."""
    return {
        "id": "motifs",
        "name": "motifs",
        "description": "Where motifs stand whose bases contribute to a prediction",
        "type": "annotation",
        "format": "bed",
        "url": url,
        "indexed": False,
        "displayMode": "EXPANDED",
        "color": "#444444",
        "height": 60,
        "order": 0.75,
    }


def make_annotation_track(name: str, url: str, order: int = 1_000_000) -> dict[str, Any]:
    """Make a track of genes or peaks of the file `name`; typing a gene's name finds it there.

    Raises SeqcastError where the name's ending is not one of `ANNOTATIONS`, or those with `.gz`.
    """
    stem, _, ending = name.removesuffix(".gz").rpartition(".")
    if f".{ending.lower()}" not in ANNOTATIONS:
        raise SeqcastError(
            f"config: browse.annotation: {name} ends in .{ending}, wanted one of"
            f" {', '.join(ANNOTATIONS)} (or these with .gz); convert the file"
        )
    return {
        "id": f"annotation/{name}",
        "name": to_label(stem),
        # Without these two the file's own `track` line says them, as HTML and as a link. A press on
        # the name shows the first; in the report it would be all the file, which is its address.
        "description": to_label(stem),
        "infoURL": "",
        "type": "annotation",
        "format": ANNOTATIONS[f".{ending.lower()}"],
        "url": url,
        "indexed": False,
        "displayMode": "EXPANDED",
        "height": 70,
        "color": "#444444",
        "order": order,
        "searchable": True,
        "searchableFields": ["name", "gene_name", "gene", "gene_id", "locus_tag", "Name"],
    }
