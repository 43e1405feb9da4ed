"""Export predicted and observed tracks, or again those that are gone or damaged."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.sources.genome.fasta import open_fasta
from seqcast.tracks.exporting import Options, export_tracks, repair_tracks

inputs, params = snakemake.input, snakemake.params
with step("export", snakemake.log[0]):
    options = Options(
        residual=params.export["residual"],
        genome=open_fasta(Path(inputs.genome), Path(params.untracked.work))
        if inputs.genome
        else None,
    )
    predictions = dict(zip(params.models, map(Path, inputs.predictions), strict=True))
    output = Path(snakemake.output[0])
    if table := inputs.get("table"):
        repair_tracks(Path(inputs.dataset), predictions, Path(table), options)
        output.touch()
    else:
        export_tracks(Path(inputs.dataset), predictions, output, options)
