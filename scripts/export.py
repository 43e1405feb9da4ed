"""Export predicted and observed tracks."""

from pathlib import Path

from seqcast.console import step
from seqcast.exporting import export_tracks

with step("export", snakemake.log[0]):
    predictions = [Path(path) for path in snakemake.input.predictions]
    export_tracks(
        Path(snakemake.input.dataset),
        dict(zip(snakemake.params.models, predictions, strict=True)),
        Path(snakemake.output[0]),
        residual=snakemake.params.export["residual"],
    )
