"""Predict the windows of a split."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.predict.inference import predict_dataset
from seqcast.settings import PredictSettings, TrainSettings, read_params

name = snakemake.wildcards.member
with step(f"predict {name}", snakemake.log[0]):
    params = snakemake.params
    settings = read_params(PredictSettings, params.predict, params.untracked)
    predict_dataset(
        settings,
        read_params(TrainSettings, params.untracked),
        find_checkpoint(settings.checkpoint, Path(snakemake.input.model), Path(params.snapshots)),
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        fold=params.fold,
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
