"""Predict the windows of a split."""

from pathlib import Path

from seqcast.checkpoint import find_checkpoint
from seqcast.console import step
from seqcast.inference import predict_dataset
from seqcast.settings import read_settings

name = snakemake.wildcards.member
with step(f"predict {name}", snakemake.log[0]):
    settings = read_settings(snakemake.config)
    predict_dataset(
        settings.predict,
        settings.training(name),
        find_checkpoint(
            settings.predict.checkpoint,
            Path(snakemake.input.model),
            Path(snakemake.params.snapshots),
        ),
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        control=Path(snakemake.output.control),
        fold=settings.members[name].fold,
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
