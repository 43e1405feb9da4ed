"""Make dataset.h5 from the source that the config names."""

from pathlib import Path

from seqcast.console import step
from seqcast.dataset import write_manifest
from seqcast.findings import read_validation
from seqcast.locating import read_placements
from seqcast.memory import keep_memory
from seqcast.settings import read_settings
from seqcast.sources.basenji import write_dataset
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.genome.writing import write_genome
from seqcast.sources.simulated import write_simulated

with step("dataset", snakemake.log[0]):
    keep_memory()
    settings, output = read_settings(snakemake.config).dataset, Path(snakemake.output.dataset)
    files, params = snakemake.output, snakemake.params
    if settings.source == "simulated":
        write_simulated(settings, output, Path(files.truth), Path(files.motifs))
    elif settings.source == "genome":
        read_validation(Path(snakemake.input.validation)).check_unchanged()
        write_genome(
            settings,
            find_inputs(settings, Path(params.downloads), Path(params.work)),
            output,
            replicates=Path(files.replicates) if files.replicates else None,
            threads=snakemake.threads,
        )
    else:
        validation = read_validation(Path(snakemake.input.validation))
        found = snakemake.input.placements
        places = read_placements(Path(found)).to_places() if found else None
        write_dataset(settings, Path(snakemake.input.source[0]), validation, output, places)
    write_manifest(output, Path(files.manifest))
