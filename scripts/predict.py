"""Predict the windows of a split."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.predict.inference import predict_dataset
from seqcast.predict.trained import TrainedModel

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"predict {name}", snakemake.log[0]):
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    predict_dataset(model, Path(snakemake.output.predictions))
