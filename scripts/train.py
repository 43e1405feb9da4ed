"""Train a model on dataset.h5."""

from pathlib import Path

from seqcast.console import step
from seqcast.settings import read_settings
from seqcast.training import train

name = snakemake.wildcards.member
with step(f"train {name}", snakemake.log[0]):
    settings = read_settings(snakemake.config)
    member = settings.members[name]
    train(
        settings.network(member.model),
        settings.training(name),
        Path(snakemake.input.dataset),
        Path(snakemake.output.model),
        Path(snakemake.output.history),
        fold=member.fold,
        name=name,
        snapshots=Path(snakemake.params.snapshots),
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
