"""Make dataset.h5 from the source that the config names."""

from pathlib import Path

from seqcast.console import step
from seqcast.dataset import write_manifest
from seqcast.findings import read_validation
from seqcast.settings import read_settings
from seqcast.sources.basenji import write_dataset
from seqcast.sources.simulated import write_simulated

with step("dataset", snakemake.log[0]):
    settings, output = read_settings(snakemake.config).dataset, Path(snakemake.output.dataset)
    if settings.source == "simulated":
        write_simulated(
            settings, output, Path(snakemake.output.truth), Path(snakemake.output.motifs)
        )
    else:
        validation = read_validation(Path(snakemake.input.validation))
        write_dataset(settings, Path(snakemake.input.source), validation, output)
    write_manifest(output, Path(snakemake.output.manifest))
