"""Where the files of a genome source lie on this machine."""

from pathlib import Path

from seqcast.settings import GenomeSettings, find_files, find_places
from seqcast.settings.table import read_targets_table
from seqcast.sources.genome.layout import Inputs


def find_inputs(settings: GenomeSettings, downloads: Path, work: Path) -> Inputs:
    """Return the files of a source, with downloads in their folder.

    What has to be unpacked or indexed goes to `work`.
    """
    places = find_places(find_files(settings), downloads)
    rows = tuple(
        row.model_copy(
            update={
                "file": str(places[row.file]),
                "replicate": str(places[row.replicate]) if row.replicate else None,
            }
        )
        for row in read_targets_table(settings.targets)
    )
    return Inputs(
        fasta=places[settings.fasta],
        rows=rows,
        work=work,
        mask=tuple(places[mask] for mask in settings.mask),
        aliases=places[settings.aliases] if settings.aliases else None,
        beds={bed: places[bed] for bed in settings.split.beds},
    )
