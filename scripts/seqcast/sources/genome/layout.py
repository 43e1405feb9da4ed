"""What a genome source consists of once its files are known to fit each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqcast.settings.table import TargetRow
from seqcast.sources.genome.fasta import Fasta
from seqcast.sources.genome.headers import Header


@dataclass(frozen=True)
class Inputs:
    """The files of a genome source, all on this machine.

    `rows` is the targets table with its files as local paths, `beds` has the BED files that the
    split names, by what it calls them. Whatever has to be unpacked or indexed goes to the folder
    `work`, never beside the user's files.
    """

    fasta: Path
    rows: tuple[TargetRow, ...]
    work: Path
    mask: tuple[Path, ...] = ()
    aliases: Path | None = None
    beds: Mapping[str, Path] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """All of them."""
        tracks = [Path(file) for row in self.rows for file, _ in row.files]
        aliases = [self.aliases] if self.aliases else []
        return [self.fasta, *self.mask, *self.beds.values(), *aliases, *tracks]


@dataclass(frozen=True)
class Track:
    """A bigWig and what it calls the contigs: `names` maps the FASTA's name to its own.

    A target's track has all contigs of the layout, but for `dataset.missing: unknown`; a
    replicate may lack some.
    """

    path: Path
    names: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """Contigs that all files agree on, and what was noticed on the way to that.

    `lengths` has the contigs to use, in the FASTA's order and by its names; `left_out` says why
    each of the others is not used. `mask` has merged (n, 2) intervals a contig, clipped to it, and
    `held_out` what `valid` and `test` name of a contig, as in `regions`. `headers` has those of the
    targets' tracks that could be read, by identifier. `refusals` empty means that the files fit
    each other.
    """

    fasta: Fasta
    lengths: Mapping[str, int]
    tracks: tuple[Track, ...]
    replicates: tuple[Track | None, ...]
    mask: Mapping[str, np.ndarray] = field(default_factory=dict)
    held_out: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    headers: Mapping[str, Header] = field(default_factory=dict)
