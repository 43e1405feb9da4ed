"""Explain all regions with one trained model, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.explain.explaining import explain_member
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.settings import ExplainSettings, PredictSettings, TrainSettings, read_params

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"explain {name}", snakemake.log[0]):
    predict = read_params(PredictSettings, params.predict, params.untracked)
    explain_member(
        read_params(ExplainSettings, params.explain),
        predict,
        read_params(TrainSettings, params.untracked),
        find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots)),
        Path(inputs.dataset),
        Path(inputs.regions),
        Path(snakemake.output[0]),
        fold=params.fold,
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
