"""Where the files of a genome source lie on this machine."""

from pathlib import Path

from seqcast.settings import GenomeSettings, find_path
from seqcast.settings.table import read_targets_table
from seqcast.sources.genome.layout import Inputs


def find_inputs(settings: GenomeSettings, downloads: str | Path, work: str | Path) -> Inputs:
    """Return the files of a source, with downloads in their folder.

    What has to be unpacked or indexed goes to `work`.
    """
    rows = tuple(
        row.model_copy(
            update={
                "file": str(find_path(row.file, downloads)),
                "replicate": str(find_path(row.replicate, downloads)) if row.replicate else None,
            }
        )
        for row in read_targets_table(settings.targets)
    )
    return Inputs(
        fasta=find_path(settings.fasta, downloads),
        rows=rows,
        work=Path(work),
        mask=tuple(find_path(mask, downloads) for mask in settings.mask),
        aliases=find_path(settings.aliases, downloads) if settings.aliases else None,
        beds={bed: find_path(bed, downloads) for bed in settings.split.beds},
    )
