"""Make dataset.h5 from a genome and the tracks over it."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.data import write_manifest
from seqcast.settings import GenomeSettings, read_params
from seqcast.sources.findings import read_validation
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.genome.writing import write_genome

with step("dataset", snakemake.log[0]):
    keep_memory()
    files, params = snakemake.output, snakemake.params
    settings = read_params(GenomeSettings, params.dataset)
    read_validation(Path(snakemake.input.validation)).check_unchanged()
    write_genome(
        settings,
        find_inputs(settings, **vars(params.untracked)),
        Path(files.dataset),
        replicates=Path(files.replicates) if files.replicates else None,
        threads=snakemake.threads,
    )
    write_manifest(Path(files.dataset), Path(files.manifest))
