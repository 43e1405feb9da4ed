"""Train a model on dataset.h5, or go on with a training that was interrupted."""

from pathlib import Path

from seqcast.console import step
from seqcast.settings import read_settings
from seqcast.training import Task, train

name, log = snakemake.wildcards.member, snakemake.log[0]
with step(f"train {name}", log):
    settings = read_settings(snakemake.config)
    member = settings.members[name]
    train(
        Task(
            network=settings.network(member.model),
            training=settings.training(name),
            dataset=Path(snakemake.input.dataset),
            model=Path(snakemake.output.model),
            history=Path(snakemake.output.history),
            checkpoints=Path(snakemake.params.checkpoints),
            snapshots=Path(snakemake.params.snapshots),
            fold=member.fold,
            name=name,
            code=snakemake.params.code,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu"),
            nodes=snakemake.resources.get("nodes", 1),
            log=Path(log),
        )
    )
