"""Which bases matter: for each target the strongest peaks as letters, and what a letter means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyfaidx import Fasta

from seqcast.report.contents import Contents
from seqcast.report.figures.logos import Logo, plot_logos
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import ModelResults
from seqcast.report.verdict import count
from seqcast.tracks.browser.cutting import Region, align_regions, read_values
from seqcast.tracks.browser.explained import Explained, Peak
from seqcast.tracks.table import OBSERVED, PREDICTED, read_tracks

MOST_TARGETS = 12
_PEAKS = 3
_OPEN = 2
_BESIDE = 32  # bins of coverage to each side
_LETTER = {
    "deeplift": (
        "how much its base adds to that logarithm, held against {references} shuffled sequences"
        " with the same pairs of neighbours (DeepLIFT); all heights of a peak sum to how far its"
        " logarithm lies above theirs"
    ),
    "gradient": (
        "how fast that logarithm rises with its base, less the mean over the four bases (gradient"
        " times input): a first guess at what a change of the base would do"
    ),
    "ism": (
        "how far that logarithm lies above the mean of what it would be with each of the four bases"
        " there (in silico mutagenesis): each change was made and predicted"
    ),
}
_LOOK = (
    "a word of tall letters that returns from peak to peak, also as its reverse complement: most"
    " often the motif of a factor. Hold it against what is known of the target's factor (JASPAR).",
    "small letters everywhere and no word: the model predicts these peaks from many weak hints,"
    " such as their composition. Trust it as far as its r, and see Training.",
)


@dataclass(frozen=True)
class Bases:
    """What the section holds: sentences, the first targets' pictures, those of the others."""

    sentences: tuple[str, ...]
    first: tuple[Picture, ...]
    others: tuple[Picture, ...]


def describe_bases(
    folder: Path, contents: Contents, ranked: Sequence[ModelResults]
) -> Bases | None:
    """Write `bases_<number>.png` of targets into `folder`, and say how they were made.

    Of a target the best of the models, `ranked`, that was explained is shown. Coverage is that of
    the run's tracks, bases are those of their genome. Returns None where nothing was
    explained.
    """
    for old in folder.glob("bases_*.png"):
        old.unlink()
    explained, dataset = contents.explained, contents.dataset
    if explained is None:
        return None
    models = [model.name for model in ranked]
    names = [dataset.targets.identifier[index] for index in np.argsort(-ranked[0].r, kind="stable")]
    # Groups of targets have no r, and come last.
    names = dict.fromkeys([*names, *explained.targets])
    chosen = [(target, explained.find_model(target, models)) for target in names]
    chosen = [(target, model) for target, model in chosen if model is not None]
    pictures = []
    for target, model in chosen[:MOST_TARGETS]:
        if logos := _read_logos(explained, Path(contents.tracks), target, model, dataset.bin_size):
            path = folder / f"bases_{len(pictures) + 1}.png"
            whose = f", as {model} sees them" if len(models) > 1 else ""
            pictures.append(_write(path, target, logos, explained.count(target, model), whose))
    sentences = _explain(explained)
    if len(chosen) > MOST_TARGETS:
        sentences.append(f"Here are the {MOST_TARGETS} best of {len(chosen):,} explained targets.")
    return Bases(tuple(sentences), tuple(pictures[:_OPEN]), tuple(pictures[_OPEN:]))


def _read_logos(
    explained: Explained, tracks: Path, target: str, model: str, bin_size: int
) -> list[Logo]:
    """Return the logos of the strongest peaks that lie on the tracks' genome."""
    files = {
        row["kind"]: tracks / row["file"]
        for row in read_tracks(tracks / "tracks.tsv")
        if row["target"] == target and row["model"] in ("", model)
    }
    with Fasta(str(tracks / "genome.fa"), rebuild=False, sequence_always_upper=True) as genome:
        peaks = explained.find_strongest(target, model, _PEAKS, genome.keys())
        cores = map(explained.narrow, peaks)
        return [_read_logo(explained, core, genome, files, bin_size) for core in cores]


def _read_logo(
    explained: Explained, core: Peak, genome: Fasta, files: Mapping[str, Path], bin_size: int
) -> Logo:
    middle = (core.start + core.end) // 2
    start = max(middle - _BESIDE * bin_size, 0)
    region = Region(core.chrom, start, middle + _BESIDE * bin_size, bin_size)
    if PREDICTED in files:
        (region,) = align_regions(files[PREDICTED], [region], bin_size)
    nothing = np.full(region.bins, np.nan)
    observed, predicted = (
        read_values(files[kind], [region])[0] if kind in files else nothing
        for kind in (OBSERVED, PREDICTED)
    )
    return Logo(
        title=f"{core.place}, {core.split}: the letters of the peak sum to {core.sum:+.2f}",
        start=core.start,
        bases=genome[core.chrom][core.start : core.end].seq,
        contributions=explained.read(core.target, core.model, core),
        edges=region.start + bin_size * np.arange(region.bins + 1),
        observed=observed,
        predicted=predicted,
    )


def _write(path: Path, target: str, logos: list[Logo], regions: int, whose: str) -> Picture:
    which = "peak with the largest sum"
    if len(logos) > 1:
        which = f"{len(logos)} peaks with the largest sums"
    words = ", ".join(logo.bases[np.nanargmax(np.abs(logo.contributions)) :][:1] for logo in logos)
    return write_picture(
        plot_logos(target, logos),
        path,
        f"Sequence logos of {target}, the {which}, each above observed and predicted coverage"
        f" around it; the tallest letters are {words}.",
        f"{target}{whose}: the {which} of {count(regions, 'explained region')}. Grey marks where"
        " the letters lie in the coverage below them.",
        _LOOK,
    )


def _explain(explained: Explained) -> list[str]:
    """Say what is explained, what a letter's height means, of which regions, and how exactly."""
    letter = _LETTER.get(explained.method, "how much its base adds to that logarithm")
    splits = explained.summary["split"].value_counts()
    regions = ", ".join(f"{number:,} in {split} windows" for split, number in splits.items())
    sentences = [
        "What is explained is the natural logarithm of the coverage that the model predicts within"
        f" {explained.radius:,} bases of the summit of a peak"
        + (", the mean of both strands." if explained.both_strands else "."),
        f"The height of a letter is {letter.format(references=explained.references)}. With 0.1"
        " more in the logarithm there is 10\u00a0% more coverage, with 0.7 twice as much. Letters"
        " that hang upside down take away. It is what the model has learnt, be it right or wrong.",
        f"Explained were {len(explained.summary):,} regions, over all targets: {regions}.",
    ]
    if "train" in splits:
        sentences.append("What was measured in train windows the model was shown as it learned.")
    if explained.method == "deeplift":
        sentences.append(
            "Sums and what they should be differ by no more than"
            f" {explained.delta:.1g} (the convergence delta)."
        )
    return sentences
