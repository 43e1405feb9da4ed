"""Explain all regions with one trained model, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.explain.explaining import explain_member
from seqcast.predict.trained import TrainedModel
from seqcast.settings import read_params
from seqcast.settings.steps import ExplainSettings

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"explain {name}", snakemake.log[0]):
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    settings = read_params(ExplainSettings, params.explain)
    explain_member(model, settings, Path(inputs.regions), Path(snakemake.output[0]))
