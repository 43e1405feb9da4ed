"""What is shown of a folder of tracks, whichever browser shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqcast.tracks.browser.explained import Explained
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.varied import Varied


@dataclass(frozen=True)
class View:
    """A folder of tracks with all that its pages, and files for other browsers, say of them.

    In `folder` lie `tracks.tsv`, the tracks, `genome.fa`, `.fai`, `genome.chrom.sizes` and maybe
    `splits.bed`. `loci` are the places to look at, the first where a browser opens. `targets` and
    `models` are the best first, of models none means all; `scores` ranks targets (r, by name).
    `assembly` names the genome, `ucsc` is UCSC's name of it, where it has one; `is_stand_in` says
    that there is no such genome, each window being a contig. `annotation` are files of the user's,
    `explained` and `varied` what `explain` and `variants` found, `motifs` a BED file of hits;
    `command` opens the page.
    """

    folder: Path
    loci: Sequence[Locus] = ()
    title: str = ""
    assembly: str = ""
    ucsc: str | None = None
    targets: Sequence[str] = ()
    models: Sequence[str] = ()
    scores: Mapping[str, float] | None = None
    is_stand_in: bool = False
    is_simulated: bool = False
    annotation: Sequence[str | Path] = ()
    explained: Explained | None = None
    varied: Varied | None = None
    motifs: Path | None = None
    command: str = ""

    @property
    def locus(self) -> Locus | None:
        """Where a browser opens."""
        return self.loci[0] if self.loci else None
