"""A genome browser for a page that is one file: igv.js, and what a dozen places need of a run.

The page is opened from disk, where a browser may read nothing beside it. So values, bases and
annotations of a few regions lie in the page itself, see `contents`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import find_damaged_files
from seqcast.core.seal import check_seal
from seqcast.tracks.browser.budget import MOST_MODELS, MOST_TARGETS, Rows, make_notes, make_plan
from seqcast.tracks.browser.contents import (
    make_allele_tracks,
    make_annotations,
    make_inside_tracks,
    make_letters_track,
    widen,
)
from seqcast.tracks.browser.cutting import Cut, make_cut, make_reference, name_of
from seqcast.tracks.browser.explained import Explained, Peak
from seqcast.tracks.browser.igvjs import read_igv_js
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.options import PAGE_COLOURS, make_options
from seqcast.tracks.browser.page import read_sizes
from seqcast.tracks.browser.stills import Panel, make_still, plot_place
from seqcast.tracks.browser.varied import VariantPlace
from seqcast.tracks.browser.view import View
from seqcast.tracks.table import GENOME_REMEDY, OBSERVED, PREDICTED, read_tracks

MOST_BYTES = 2_500_000
# So many targets are on at first; the others are a choice away. A picture shows fewer.
_SHOWN, _DRAWN = 4, 3
_STAND_IN = "These contigs are stand-ins, one a window: they are not those of a published genome."


@dataclass(frozen=True)
class ShownLocus:
    """A place on the page: its button, and its picture as a `data:` address, if it has one.

    A variant has a `target`, whose tracks of both alleles are shown with it.
    """

    name: str
    why: str
    place: str
    still: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""
    target: str = ""


@dataclass(frozen=True)
class EmbeddedBrowser:
    """A genome browser to put into a page, all of it text.

    `igv_js` and `data` are safe inside a `<script>` element, `data` is JSON (see `embedded.js`).
    The page's policy must allow the scripts of `embedded.html.j2`, inline styles, and images out
    of itself (`blob:` to save one): see `page.html.j2`.
    `targets` and `loci` are those that are in it, `notes` sentences on what is not; `units` are
    those of the tracks' heights; `has_letters` says whether there are tracks of letters,
    `has_alleles` whether there are those of variants.
    """

    igv_js: str
    data: str
    loci: tuple[ShownLocus, ...]
    targets: tuple[str, ...]
    units: tuple[str, ...]
    notes: tuple[str, ...]
    has_letters: bool = False
    has_alleles: bool = False

    @property
    def colours(self) -> Mapping[str, str]:
        """Colours of the styles, by name."""
        return PAGE_COLOURS

    @property
    def bytes(self) -> int:
        """Bytes that all of it adds to a page."""
        stills = sum(len(locus.still) for locus in self.loci)
        return len(self.igv_js.encode()) + len(self.data.encode()) + stills


def make_embedded(view: View, bin_size: int, most_bytes: int = MOST_BYTES) -> EmbeddedBrowser:
    """Make the browser of a folder of tracks for a page.

    Spread and residual stay in the files. Of the view's `annotation` what touches the places is
    taken, of `explained` what lies about those of `loci` that are peaks, of `varied` both alleles
    of those that are variants. Where all would take more than `most_bytes`, first the bases are
    left out, then bins get wider, then there are fewer targets and places; `notes` says so, and
    that an assembly is a stand-in. Raises SeqcastError where there are no places, no tracks, or
    files missing.
    """
    folder, igv_js = view.folder, escape_script(read_igv_js())
    explained, varied = view.explained, view.varied
    rows, count = _find_rows(folder, view.targets, view.models)
    sizes = read_sizes(folder)
    loci = [locus for locus in view.loci if locus.end <= sizes.get(locus.chrom, -1)]
    if not loci or not rows:
        what = "no track of the run's targets" if loci else "no place to show"
        raise SeqcastError(f"{folder / 'tracks.tsv'}: {what}; run `snakemake export` again")
    peaks = [locus for locus in loci if isinstance(locus, Peak)]
    variants = [locus for locus in loci if isinstance(locus, VariantPlace) and varied]
    windows = [locus for locus in loci if not isinstance(locus, Peak | VariantPlace)]
    letters = _make_letters(explained, peaks, rows, several=count > 1) if explained else {}
    taken = len(igv_js.encode()) + sum(len(track["codes"]) for track in letters.values())
    plan = make_plan(windows, rows, bin_size, most_bytes - taken)
    shown, used = windows[: plan.loci], dict(list(rows.items())[: plan.targets])
    _check_files(folder, used)
    variants = [each for each in variants if each.target in used]
    spots = [each.spot for each in variants]
    wide = [*map(widen, peaks), *variants]
    cut = make_cut(folder, [*shown, *wide], used, bin_size, plan.bins)
    genome = folder / "genome.fa"
    fasta = make_reference(genome, cut.regions, sizes, bases=plan.bases, peaks=wide)
    data = {
        "options": _make_options(view.assembly or "genome", fasta, (*shown, *peaks, *variants)[0]),
        "always": make_annotations(folder, cut.regions, [*shown, *peaks, *spots], view.annotation),
        "regions": _make_regions(cut, sizes),
        "targets": _make_targets(used, cut, letters, several=count > 1),
        "alleles": make_allele_tracks(varied, variants, bin_size) if varied else {},
        "shown": _SHOWN,
        "command": view.command or "make browse",
    }
    return EmbeddedBrowser(
        igv_js=igv_js,
        data=escape_json(data),
        loci=tuple(
            _show_locus(each, used, cut, several=count > 1) for each in (*shown, *peaks, *variants)
        ),
        targets=tuple(used),
        units=tuple(dict.fromkeys(listed[0]["units"] for listed in used.values())),
        notes=((_STAND_IN,) if view.is_stand_in else ())
        + tuple(make_notes(plan, len(windows), len(rows), count, cut.regions, bin_size)),
        has_letters=bool(letters),
        has_alleles=bool(variants),
    )


def escape_script(text: str) -> str:
    r"""Write JavaScript so that no `</script` or `<!--` in its strings ends or changes its element.

    Both become the same text to JavaScript (`<\/script`). Neither stands outside of strings,
    regular expressions and comments in a program that works in a page.
    """
    for end in ("</script", "</SCRIPT", "</Script"):
        text = text.replace(end, end.replace("/", "\\/"))
    return text.replace("<!--", "\\x3c!--")


def escape_json(data: Any) -> str:
    """Write JSON that may stand in a `<script>` element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _find_rows(folder: Path, ranked: Sequence[str], models: Sequence[str]) -> tuple[Rows, int]:
    """Return the rows to show of each target, in the order of `ranked`, and how many models are.

    A target's rows are what was observed, then what each of the first models predicts.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in read_tracks(folder / "tracks.tsv"):
        if row["kind"] in (OBSERVED, PREDICTED):
            found.setdefault(row["target"], {})[row["model"]] = row
    names = models or sorted({model for rows in found.values() for model in rows} - {""})
    wanted = ["", *names[:MOST_MODELS]]
    shown = {
        target: [found[target][model] for model in wanted if model in found[target]]
        for target in ranked
        if target in found
    }
    return {target: rows for target, rows in shown.items() if rows}, len(names)


def _make_letters(
    explained: Explained, peaks: Sequence[Peak], rows: Rows, *, several: bool
) -> dict[str, dict[str, Any]]:
    """Make the track of letters of each target that has one, of the first model explained."""
    tracks = {}
    for target, listed in list(rows.items())[:MOST_TARGETS]:
        model = explained.find_model(target, [row["model"] for row in listed])
        if model is not None:
            track = make_letters_track(explained, target, model, peaks, several=several)
            tracks |= {target: track} if track else {}
    return tracks


def _make_regions(cut: Cut, sizes: Mapping[str, int]) -> list[list[Any]]:
    """Make what the page reads of each region: its name there, its ends, how wide bins are."""
    return [
        [name_of(each.chrom), each.start, min(each.end, sizes[each.chrom]), each.step]
        for each in cut.regions
    ]


def _make_targets(
    used: Rows, cut: Cut, letters: Mapping[str, dict[str, Any]], *, several: bool
) -> list[dict[str, Any]]:
    """Make the tracks of each target, its letters below what was predicted."""
    return [
        {
            "name": target,
            "tracks": make_inside_tracks(listed, cut, several=several)
            + ([letters[target]] if target in letters else []),
        }
        for target, listed in used.items()
    ]


def _check_files(folder: Path, used: Rows) -> None:
    names = ["genome.fa", *(row["file"] for listed in used.values() for row in listed)]
    if (folder / "genome.fa").is_file():
        check_seal(folder / "genome.fa", GENOME_REMEDY)
    damaged = find_damaged_files(folder / "tracks.tsv")
    wrong = [name for name in names if name in damaged or not (folder / name).is_file()]
    if wrong:
        raise SeqcastError(
            f"{folder}: {len(wrong)} of {len(names)} files are missing or damaged, {wrong[0]} for"
            " one; run `snakemake export`, which makes them again"
        )


def _make_options(name: str, fasta: str, locus: Locus) -> dict[str, Any]:
    reference = {
        "id": name,
        "name": name,
        "fastaURL": fasta,
        "indexed": False,
        # Nothing is known of a chromosome but the regions.
        "wholeGenomeView": False,
        "showChromosomeWidget": False,
    }
    return make_options(reference, [], _place_of(locus))


def _place_of(locus: Locus) -> str:
    return replace(locus, chrom=name_of(locus.chrom)).place


def _show_locus(locus: Locus, used: Rows, cut: Cut, *, several: bool) -> ShownLocus:
    """Draw the first targets at a place, observed and as the first model predicts it.

    Of a peak, which is shorter than a bin or two, the report's logos are the picture, and variants
    have one there too.
    """
    if isinstance(locus, VariantPlace):
        return ShownLocus(locus.name, locus.why, _place_of(locus), target=locus.target)
    if isinstance(locus, Peak):
        return ShownLocus(locus.name, locus.why, _place_of(locus))
    panels = [_make_panel(locus, target, used[target], cut) for target in list(used)[:_DRAWN]]
    by = next((f" by {panel.model}" for panel in panels if several and panel.model), "")
    still, width, height = make_still(plot_place(panels, locus.chrom, cut.edges_of(locus), by))
    named = ", ".join(panel.target for panel in panels)
    alt = f"Observed coverage of {named} as areas, predicted{by} as lines over them, at"
    alt = f"{alt} {locus.place} ({locus.name})."
    return ShownLocus(locus.name, locus.why, _place_of(locus), still, width, height, alt)


def _make_panel(locus: Locus, target: str, rows: Sequence[Mapping[str, str]], cut: Cut) -> Panel:
    first = {row["kind"]: row for row in reversed(rows)}
    values = {kind: cut.values_of(row["file"], locus) for kind, row in first.items()}
    missing = np.full(len(cut.edges_of(locus)) - 1, np.nan)
    return Panel(
        target=target,
        units=rows[0]["units"],
        model=first[PREDICTED]["model"] if PREDICTED in first else "",
        observed=values.get(OBSERVED, missing),
        predicted=values.get(PREDICTED, missing),
    )
