"""Predict and explain both alleles of the variants of the largest effects with one model."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.settings import (
    ExplainSettings,
    PredictSettings,
    TrainSettings,
    VariantsSettings,
    read_params,
)
from seqcast.variants.top import show_member

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"variants top {name}", snakemake.log[0]):
    predict = read_params(PredictSettings, params.predict, params.untracked)
    show_member(
        read_params(VariantsSettings, params.variants),
        read_params(ExplainSettings, params.explain),
        predict,
        read_params(TrainSettings, params.untracked),
        find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots)),
        Path(inputs.dataset),
        Path(inputs.joined),
        Path(snakemake.output[0]),
        model_name=params.model,
        fold=params.fold,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
