"""Say what motifs do to one trained model's predictions, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.measuring import measure_member
from seqcast.predict.trained import TrainedModel
from seqcast.settings import read_params
from seqcast.settings.steps import ExplainSettings, MotifsSettings

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"motifs {name}", snakemake.log[0]):
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    settings = read_params(MotifsSettings, params.motifs)
    radius = read_params(ExplainSettings, params.explain).radius
    measure_member(model, settings, radius, Path(inputs.motifs), Path(snakemake.output[0]))
