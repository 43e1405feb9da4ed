"""All that shows a folder of tracks: our page, and the files that other browsers open."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from seqcast.core.console import log
from seqcast.tracks.browser.annotations import put_motifs
from seqcast.tracks.browser.contributions import put_alleles, put_contributions
from seqcast.tracks.browser.hub import write_hub
from seqcast.tracks.browser.igv_session import write_igv_session
from seqcast.tracks.browser.jbrowse import write_jbrowse
from seqcast.tracks.browser.page import read_scores, read_sizes, write_browser
from seqcast.tracks.browser.view import View

# Assemblies that UCSC and IGV know by these names; any other is shown on its own sequence.
UCSC = frozenset(
    [
        *("hg18", "hg19", "hg38", "hs1", "mm9", "mm10", "mm39", "rn5", "rn6", "rn7", "danRer7"),
        *("danRer10", "danRer11", "dm3", "dm6", "ce10", "ce11", "sacCer2", "sacCer3", "galGal5"),
        *("galGal6", "xenTro9", "xenTro10", "susScr11", "bosTau9", "canFam3", "rheMac10"),
    ]
)


def write_browsers(view: View, template: str | Path) -> None:
    """Write IGV's session, UCSC's hub, JBrowse's config and `index.html`, which links to them.

    The contributions that `view.explained` has, the alleles that `view.varied` has, and the hits of
    `view.motifs`, become tracks of the folder. Where `view.ucsc` names no assembly, the assembly's
    own name may be one.
    """
    put_contributions(view.folder, view.explained)
    put_alleles(view.folder, view.varied)
    put_motifs(view.folder, view.motifs)
    known = view.ucsc or find_ucsc_name(view.assembly, read_sizes(view.folder))
    view = replace(view, ucsc=known)
    write_igv_session(view)
    write_hub(view)
    write_jbrowse(view)
    write_browser(view, template)
    seen = view.command and f"; to see it: {view.command}"
    log.info("wrote %s%s", view.folder / "index.html", seen)


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
