"""Train a model on dataset.h5, or go on with a training that was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.settings import TrainSettings, read_network, read_params
from seqcast.training import Task, train

name, log = snakemake.wildcards.member, snakemake.log[0]
with step(f"train {name}", log):
    params = snakemake.params
    train(
        Task(
            network=read_network(params.network),
            training=read_params(TrainSettings, params.training, params.untracked),
            dataset=Path(snakemake.input.dataset),
            model=Path(snakemake.output.model),
            history=Path(snakemake.output.history),
            checkpoints=Path(params.checkpoints),
            snapshots=Path(params.snapshots),
            fold=params.fold,
            name=name,
            code=params.code,
            threads=snakemake.threads,
            gpus=snakemake.resources.get("gpu"),
            nodes=snakemake.resources.get("nodes", 1),
            log=Path(log),
        )
    )
