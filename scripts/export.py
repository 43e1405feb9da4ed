"""Export predicted and observed tracks, or again those that are gone or damaged."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.settings import read_params
from seqcast.settings.steps import ExportSettings
from seqcast.sources.genome.fasta import open_fasta
from seqcast.tracks.exporting import export_tracks, repair_tracks

inputs, params = snakemake.input, snakemake.params
with step("export", snakemake.log[0]):
    settings = read_params(ExportSettings, params.export)
    genome = open_fasta(Path(inputs.genome), Path(params.untracked.work)) if inputs.genome else None
    predictions = dict(zip(params.models, map(Path, inputs.predictions), strict=True))
    output = Path(snakemake.output[0])
    if table := inputs.get("table"):
        repair_tracks(Path(inputs.dataset), predictions, Path(table), settings, genome)
        output.touch()
    else:
        export_tracks(Path(inputs.dataset), predictions, output, settings, genome)
