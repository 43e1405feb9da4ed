"""Letters of both alleles of the variants of the largest effects, above their coverage."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pyfaidx import Fasta

from seqcast.genome.codes import decode
from seqcast.report.figures.logos import Logo, plot_logos
from seqcast.report.picture import Picture, write_picture
from seqcast.tracks.browser.cutting import Region, align_regions, read_values
from seqcast.tracks.browser.varied import Row, Varied, name_variant
from seqcast.tracks.files import ENDING
from seqcast.tracks.table import ALT, OBSERVED, REF, read_tracks

_MOST = 2
_WIDTH = 80
_BESIDE = 16
_LOOK = (
    "a word of tall letters that the one allele has and the other lacks: the site that the variant"
    " makes or breaks.",
    "the same small letters in both: the effect comes from many weak hints, so do not read a"
    " mechanism into it.",
)


def write_letters(
    folder: Path, varied: Varied, model: str, tracks: Path, bin_size: int
) -> list[Picture]:
    """Write `variants_letters_<number>.png` of the largest effects on the tracks' genome.

    Those without arrays of letters are left out, and those so near a contig's end that letters lie
    elsewhere than about the variant.
    """
    observed = {
        row["target"]: tracks / row["file"]
        for row in read_tracks(tracks / "tracks.tsv")
        if row["kind"] == OBSERVED
    }
    pictures: list[Picture] = []
    with Fasta(str(tracks / "genome.fa"), rebuild=False, sequence_always_upper=True) as genome:
        for row in varied.rank(model):
            logos = _read_logos(varied, row, genome, observed, bin_size)
            if logos and len(pictures) < _MOST:
                path = folder / f"variants_letters_{len(pictures) + 1}.png"
                pictures.append(_write(path, row, logos))
    return pictures


def _read_logos(
    varied: Varied, row: Row, genome: Fasta, observed: Mapping[str, Path], bin_size: int
) -> list[Logo]:
    target, model, contig = row["target"], row["model"], row["place"]
    own = [each for each in varied.top if each["target"] == target and each["model"] == model]
    # Between two variants that are near each other bins and letters belong to the nearer one.
    summit, beside = row["summit"], _BESIDE * bin_size
    region = Region(contig, max(summit - beside, 0), summit + beside, bin_size)
    logos = []
    for allele in (REF, ALT):
        track = varied.files[target, model, allele]
        arrays = [
            track.with_name(f"{track.name.removesuffix(ENDING)}.{kind}.npz")
            for kind in ("attr", "ohe")
        ]
        if contig not in genome or not all(path.is_file() for path in arrays):
            return []
        attr, one_hot = (np.load(path)["arr_0"][own.index(row)] for path in arrays)
        codes = np.where(one_hot.any(0), one_hot.argmax(0), 4).astype(np.uint8)
        start = row["summit"] - len(codes) // 2
        if allele == REF and (
            start < 0 or genome[contig][start : start + len(codes)].seq != decode(codes)
        ):
            return []
        (region,) = align_regions(track, [region], bin_size)
        nothing = np.full(region.bins, np.nan)
        shown = slice((len(codes) - _WIDTH) // 2, (len(codes) + _WIDTH) // 2)
        path = observed.get(target)
        logos.append(
            Logo(
                title=f"{allele}: {row['contig']}:{row['position']:,} {row[allele.lower()]}",
                start=start + shown.start,
                bases=decode(codes[shown]),
                contributions=(attr * one_hot).sum(0)[shown],
                edges=region.start + bin_size * np.arange(region.bins + 1),
                observed=read_values(path, [region])[0] if path else nothing,
                predicted=read_values(track, [region])[0],
            )
        )
    return logos


def _write(path: Path, row: Row, logos: list[Logo]) -> Picture:
    name = name_variant(row)
    return write_picture(
        plot_logos(f"{row['target']}, {name}", logos),
        path,
        f"Sequence logos about {name} with REF and with ALT, each above observed coverage and what"
        f" is predicted of {row['target']} with that allele.",
        f"{name} changes {row['target']} by lfc {row['lfc']:+.2f}. A letter is as high as its base"
        " adds to the logarithm of what is predicted with this allele; the variant begins in the"
        " middle. The area is what was measured, of the genome as it is.",
        _LOOK,
    )
