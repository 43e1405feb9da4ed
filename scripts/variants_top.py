"""Predict and explain both alleles of the variants of the largest effects with one model."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.predict.trained import TrainedModel
from seqcast.settings import read_params
from seqcast.settings.steps import ExplainSettings, VariantsSettings
from seqcast.variants.top import show_member

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"variants top {name}", snakemake.log[0]):
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    show_member(
        model,
        read_params(VariantsSettings, params.variants),
        read_params(ExplainSettings, params.explain),
        Path(inputs.joined),
        Path(snakemake.output[0]),
        model_name=params.model,
    )
