"""Export again the tracks that are gone or damaged."""

from pathlib import Path

from seqcast.console import step
from seqcast.exporting import Options, mend_tracks
from seqcast.sources.genome.fasta import open_fasta

with step("mend", snakemake.log[0]):
    genome = snakemake.input.genome
    options = Options(
        residual=snakemake.params.export["residual"],
        genome=open_fasta(Path(genome), Path(snakemake.params.work)) if genome else None,
    )
    predictions = [Path(path) for path in snakemake.input.predictions]
    mend_tracks(
        Path(snakemake.input.dataset),
        dict(zip(snakemake.params.models, predictions, strict=True)),
        Path(snakemake.input.table),
        options,
    )
    Path(snakemake.output[0]).touch()
