"""Combine the predictions of a model's members: mean over replicates, union over folds."""

from pathlib import Path

from seqcast.combining import combine_predictions
from seqcast.console import step
from seqcast.settings import read_settings

model = snakemake.wildcards.ensemble
with step(f"combine {model}", snakemake.log[0]):
    members = read_settings(snakemake.config).members
    combine_predictions(
        {
            (members[name].fold, members[name].replicate): Path(path)
            for name, path in zip(
                snakemake.params.members, snakemake.input.predictions, strict=True
            )
        },
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        model=model,
    )
