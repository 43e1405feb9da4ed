"""Combine the predictions of a model's members: mean over replicates, union over folds."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.predict.combining import combine_predictions

model = snakemake.wildcards.ensemble
with step(f"combine {model}", snakemake.log[0]):
    predictions = map(Path, snakemake.input.predictions)
    combine_predictions(
        dict(zip(snakemake.params.members, predictions, strict=True)),
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        model=model,
    )
