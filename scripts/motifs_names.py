"""Give patterns the names of known motifs, and make distinct motifs of them."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.naming import name_all
from seqcast.motifs.tools import Tools

inputs, untracked = snakemake.input, snakemake.params.untracked
with step("motifs names", snakemake.log[0]):
    name_all(
        Path(inputs.explained),
        Path(inputs.discovered),
        Path(inputs.database) if inputs.database else None,
        Tools.find(Path(untracked.python), Path(untracked.cache), snakemake.threads),
        Path(snakemake.output.table),
    )
