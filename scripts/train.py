"""Train a model on dataset.h5."""

from pathlib import Path

from seqcast.console import step
from seqcast.settings import read_settings
from seqcast.training import train

model = snakemake.wildcards.model
with step(f"train {model}", snakemake.log[0]):
    settings = read_settings(snakemake.config)
    train(
        settings.network(model),
        settings.training(model),
        Path(snakemake.input.dataset),
        Path(snakemake.output.model),
        Path(snakemake.output.history),
        name=model,
        snapshots=Path(snakemake.params.snapshots),
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
