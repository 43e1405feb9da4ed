"""Suggest scale and clip of each target, from the tracks themselves."""

from pathlib import Path

from seqcast.core.console import log, step
from seqcast.settings import GenomeSettings, read_params
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.genome.suggesting import suggest_targets

with step("suggest", snakemake.log[0]):
    settings = read_params(GenomeSettings, snakemake.params.dataset)
    inputs = find_inputs(settings, **vars(snakemake.params.untracked))
    output = Path(snakemake.output[0])
    for line in suggest_targets(settings, inputs, output, threads=snakemake.threads).splitlines():
        log.info("%s", line)
