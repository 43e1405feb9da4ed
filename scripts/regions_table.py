"""Write what is predicted of each region as a table."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.predict.genome_tracks.joining import open_models
from seqcast.predict.genome_tracks.plan import read_plan
from seqcast.predict.genome_tracks.regions import write_regions
from seqcast.sources.genome.bed import read_regions

with step("regions", snakemake.log[0]):
    output, dataset = Path(snakemake.output[0]), read_dataset(snakemake.input.dataset)
    models = open_models(
        output.parent,
        read_plan(Path(snakemake.input.plan)),
        dataset,
        snakemake.params.members,
        is_own=snakemake.params.is_own,
    )
    write_regions(output, read_regions(Path(snakemake.input.bed)), models, dataset.bin_size)
