"""Say which TF-MoDISco there is, before anything else is done for it."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.provenance import write_json
from seqcast.motifs.tools import Tools

with step("motifs tools", snakemake.log[0]):
    untracked = snakemake.params.untracked
    tools = Tools.find(Path(untracked.python), Path(untracked.cache))
    write_json(Path(snakemake.output[0]), tools.read_versions())
