"""Check a genome and the tracks over it before they become a dataset."""

from dataclasses import replace
from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.settings import GenomeSettings, read_params
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.validation.digests import digest_files
from seqcast.sources.validation.genome import validate_genome
from seqcast.sources.validation.verdict import conclude

with step("validate", snakemake.log[0]):
    keep_memory()
    files, params = snakemake.output, snakemake.params
    settings = read_params(GenomeSettings, snakemake.params.dataset)
    inputs = find_inputs(settings, **vars(params.untracked))
    found = validate_genome(settings, inputs)
    # What is refused need not be read to its end.
    if not found.refusals:
        found = replace(found, files=digest_files(inputs.files))
    conclude(found, Path(files.validation), Path(files.verdict))
