"""`index.html` beside the tracks: a genome browser, the places to look at, a list of targets."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from seqcast.core.disk import write_text
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import AGAIN, read_sealed
from seqcast.core.templates import render
from seqcast.genome import fasta
from seqcast.tracks.browser.annotations import MOTIFS, copy_annotations, make_annotation_tracks
from seqcast.tracks.browser.contributions import read_all_tracks, read_alleles
from seqcast.tracks.browser.igvjs import read_igv_js
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.options import (
    PAGE_COLOURS,
    make_motifs_track,
    make_options,
    make_phrase,
    make_reference,
    make_splits_track,
    make_tracks,
    make_variants_track,
)
from seqcast.tracks.browser.scales import compute_scales
from seqcast.tracks.browser.varied import VariantPlace
from seqcast.tracks.browser.view import View
from seqcast.tracks.table import (
    ALT,
    CONTRIBUTIONS,
    GENOME_REMEDY,
    OBSERVED,
    PREDICTED,
    REF,
    RESIDUAL,
    SPREAD,
)

# More would fill several screens, and each asks for pieces of its file at every move.
MOST_TARGETS = 12
# Bases that matter stand below what was predicted from them.
_KINDS = (OBSERVED, PREDICTED, REF, ALT, SPREAD, RESIDUAL, CONTRIBUTIONS)
# Files for other browsers, beside the page where they were made.
SESSION, HUB, JBROWSE = "igv_session.xml", "hub.txt", "config.json"


def write_browser(view: View, template: str | Path) -> None:
    """Write `index.html` and `igv.min.js` into a folder of tracks.

    Beside `template` lie its parts `browser.css` and `browser.js`. `view.loci` are buttons. Of many
    targets only the best dozen are on at first. Raises SeqcastError where there are no tracks.
    """
    folder = view.folder
    rows = read_all_tracks(folder)
    if not rows:
        raise SeqcastError(f"{folder}/tracks.tsv: lists no tracks; run `snakemake export` again")
    rows += read_alleles(folder)
    sizes = read_sizes(folder)
    names = copy_annotations(view.annotation, folder, sizes)
    extra = [make_splits_track("splits.bed")] if (folder / "splits.bed").is_file() else []
    variants = [locus.spot for locus in view.loci if isinstance(locus, VariantPlace)]
    extra += [make_variants_track(variants)] if variants else []
    motifs = [make_motifs_track(MOTIFS)] if (folder / MOTIFS).is_file() else []
    loci = list(view.loci) or [_make_first(sizes)]
    reference = make_reference(
        view.assembly or "genome", quote, len(sizes), is_stand_in=view.is_stand_in
    )
    tracks = make_tracks(rows, quote, compute_scales(folder, rows))
    context = {
        "title": view.title,
        "colours": PAGE_COLOURS,
        "assembly": view.assembly,
        "is_stand_in": view.is_stand_in,
        "is_simulated": view.is_simulated,
        "kinds": [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)],
        "loci": loci,
        "splits": bool(extra),
        "targets": len({row["target"] for row in rows}),
        "most": MOST_TARGETS,
        "is_ranked": bool(view.scores),
        "others": [name for name in (SESSION, HUB, JBROWSE) if (folder / name).is_file()],
        "folder": str(folder),
        "command": view.command
        or f"PYTHONPATH=scripts python -m seqcast.tracks.browser.serving {folder}",
        "data": {
            "options": make_options(
                reference, extra + motifs + make_annotation_tracks(names, quote), loci[0].place
            ),
            **make_choice(tracks, view.scores or {}),
        },
    }
    write_text(folder / "igv.min.js", read_igv_js())
    page = render(template, context)
    write_text(folder / "index.html", page)


def make_choice(tracks: Sequence[Mapping[str, Any]], scores: Mapping[str, float]) -> dict[str, Any]:
    """Make what a reader can choose from: series of tracks, and targets, best first.

    A series is observed or what one model says; spread and residual are off at first. Each target
    has its `tracks`, one or None a series. With many targets only the best dozen are on.
    """
    models = list(dict.fromkeys(track["model"] for track in tracks if track["model"]))
    series = sorted(
        dict.fromkeys((track["kind"], track["model"]) for track in tracks),
        key=lambda each: _KINDS.index(each[0]),
    )
    by_target: dict[str, dict[tuple[str, str], Mapping[str, Any]]] = {}
    for track in tracks:
        by_target.setdefault(track["target"], {})[track["kind"], track["model"]] = track
    ranked = sorted(by_target, key=lambda target: -_known(scores.get(target)))
    shown = by_target if len(by_target) <= MOST_TARGETS else ranked[:MOST_TARGETS]
    return {
        "series": [
            {
                "label": make_phrase(kind, model if len(models) > 1 else ""),
                "kind": kind,
                "model": model,
                "on": kind in (OBSERVED, PREDICTED, CONTRIBUTIONS),
            }
            for kind, model in series
        ],
        "targets": [
            {
                "name": target,
                "score": _known(scores.get(target), None),
                "on": target in shown,
                "tracks": [by_target[target].get(each) for each in series],
            }
            for target in ranked
        ],
    }


def read_scores(path: str | Path) -> dict[str, float]:
    """Read r of log1p coverage of each target out of a `metrics.tsv`."""
    text = io.StringIO(read_sealed(path, AGAIN))
    table = pd.read_csv(text, sep="\t", dtype={"target": str}, keep_default_na=False)
    values = pd.to_numeric(table["pearson_r_log1p"], errors="coerce")
    return dict(zip(table["target"], values.tolist(), strict=True))


def read_sizes(folder: str | Path) -> dict[str, int]:
    """Read the lengths of the chromosomes of a folder of tracks."""
    return fasta.read_sizes(Path(folder) / "genome.fa", GENOME_REMEDY)


def _make_first(sizes: Mapping[str, int]) -> Locus:
    name, size = next(iter(sizes.items()))
    return Locus(name, name, 0, min(size, 200_000), "the start of the first contig")


def _known(score: float | None, otherwise: Any = -math.inf) -> Any:
    return otherwise if score is None or not math.isfinite(score) else score
