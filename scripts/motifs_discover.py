"""Look for patterns in the contributions to each target, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.discovering import discover_all
from seqcast.motifs.tools import Tools
from seqcast.settings import read_params
from seqcast.settings.steps import MotifsSettings

params = snakemake.params
with step("motifs discover", snakemake.log[0]):
    untracked = params.untracked
    discover_all(
        Path(snakemake.input.explained),
        read_params(MotifsSettings, params.motifs),
        Tools.find(Path(untracked.python), Path(untracked.cache), snakemake.threads),
        Path(snakemake.output[0]),
    )
