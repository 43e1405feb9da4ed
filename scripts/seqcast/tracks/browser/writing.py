"""All that shows a folder of tracks: our page, and the files that other browsers open."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from seqcast.core.console import log
from seqcast.tracks.browser.annotations import put_motifs
from seqcast.tracks.browser.contributions import put_alleles, put_contributions
from seqcast.tracks.browser.explained import Explained
from seqcast.tracks.browser.hub import write_hub
from seqcast.tracks.browser.igv_session import write_igv_session
from seqcast.tracks.browser.jbrowse import write_jbrowse
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.page import read_scores, read_sizes, write_browser
from seqcast.tracks.browser.varied import Varied

# Assemblies that UCSC and IGV know by these names; any other is shown on its own sequence.
UCSC = frozenset(
    [
        *("hg18", "hg19", "hg38", "hs1", "mm9", "mm10", "mm39", "rn5", "rn6", "rn7", "danRer7"),
        *("danRer10", "danRer11", "dm3", "dm6", "ce10", "ce11", "sacCer2", "sacCer3", "galGal5"),
        *("galGal6", "xenTro9", "xenTro10", "susScr11", "bosTau9", "canFam3", "rheMac10"),
    ]
)


def write_browsers(
    folder: str | Path,
    template: str | Path,
    *,
    title: str,
    loci: Sequence[Locus],
    assembly: str,
    ucsc: str | None = None,
    is_stand_in: bool = False,
    is_simulated: bool = False,
    annotation: Sequence[str | Path] = (),
    scores: Mapping[str, float] | None = None,
    explained: Explained | None = None,
    varied: Varied | None = None,
    motifs: Path | None = None,
    command: str = "",
) -> None:
    """Write IGV's session, UCSC's hub, JBrowse's config and `index.html`, which links to them.

    The options are those of `write_browser`; the first of `loci` is where each one opens. `ucsc` is
    UCSC's name of the assembly, where the user gave one. The contributions that `explained` has,
    the alleles that `varied` has, and the hits of `motifs` (BED), become tracks of the folder.
    """
    put_contributions(folder, explained)
    put_alleles(folder, varied)
    put_motifs(Path(folder), motifs)
    known = ucsc or find_ucsc_name(assembly, read_sizes(folder))
    first = loci[0] if loci else None
    write_igv_session(folder, assembly=known, locus=first, is_stand_in=is_stand_in, scores=scores)
    write_hub(
        folder,
        name=title,
        assembly=known,
        locus=first,
        is_stand_in=is_stand_in,
        scores=scores,
    )
    write_jbrowse(folder, name=title, locus=first, is_stand_in=is_stand_in, scores=scores)
    write_browser(
        folder,
        template,
        title=title,
        loci=loci,
        assembly=assembly,
        is_stand_in=is_stand_in,
        is_simulated=is_simulated,
        annotation=annotation,
        scores=scores,
        command=command,
    )
    log.info("wrote %s%s", Path(folder) / "index.html", command and f"; to see it: {command}")


def find_ucsc_name(assembly: str, contigs: Collection[str]) -> str | None:
    """Return UCSC's name of an assembly, None where it or its contigs have another.

    Ensembl's and NCBI's files of the same genome have other names of chromosomes (`1` for `chr1`).
    """
    is_known = assembly in UCSC and all(name.startswith("chr") for name in contigs)
    return assembly if is_known else None


def find_best(metrics: Mapping[str, str | Path]) -> tuple[str, dict[str, float]]:
    """Return the model with the highest mean r and its r of each target, from `metrics.tsv`s."""
    scores = {model: read_scores(path) for model, path in metrics.items()}

    def mean(model: str) -> float:
        """Return a model's mean r over the targets that have one."""
        known = [r for r in scores[model].values() if math.isfinite(r)]
        return sum(known) / len(known) if known else -math.inf

    best = max(scores, key=mean)
    return best, scores[best]
