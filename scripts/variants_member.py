"""Score all variants with one trained model, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.predict.trained import TrainedModel
from seqcast.settings import read_params
from seqcast.settings.steps import VariantsSettings
from seqcast.variants.scoring import score_member

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"variants {name}", snakemake.log[0]):
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    settings = read_params(VariantsSettings, params.variants)
    score_member(model, settings, Path(inputs.plan), Path(snakemake.output[0]))
