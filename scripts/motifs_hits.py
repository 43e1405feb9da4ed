"""Find where motifs stand that matter to what is predicted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.hits import Discovered, write_hits
from seqcast.settings import read_params
from seqcast.settings.steps import MotifsSettings

inputs = snakemake.input
with step("motifs hits", snakemake.log[0]):
    database = Path(inputs.database) if inputs.database else None
    write_hits(
        Path(inputs.explained),
        Path(inputs.motifs),
        read_params(MotifsSettings, snakemake.params.motifs),
        Path(snakemake.output.motifs),
        Discovered(Path(inputs.discovered), Path(inputs.patterns), database)
        if inputs.discovered
        else None,
    )
