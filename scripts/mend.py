"""Export again the tracks that are gone or damaged."""

from pathlib import Path

from seqcast.console import step
from seqcast.exporting import mend_tracks

with step("mend", snakemake.log[0]):
    predictions = [Path(path) for path in snakemake.input.predictions]
    mend_tracks(
        Path(snakemake.input.dataset),
        dict(zip(snakemake.params.models, predictions, strict=True)),
        Path(snakemake.input.table),
        residual=snakemake.params.export["residual"],
    )
    Path(snakemake.output[0]).touch()
