"""List the tracks of a genome that were joined, group by group of targets, in one table."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.predict.genome_tracks.writing import write_table

with step(f"{snakemake.wildcards.scope} table", snakemake.log[0]):
    write_table(
        Path(snakemake.output[0]),
        read_dataset(snakemake.input.dataset),
        list(map(Path, snakemake.input.joined)),
        is_own=snakemake.params.is_own,
    )
