"""Say how good predictions are."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.evaluate.evaluating import evaluate
from seqcast.settings import read_params
from seqcast.settings.steps import EvaluateSettings

with step(f"evaluate {snakemake.wildcards.scored}", snakemake.log[0]):
    inputs = snakemake.input
    extra = {
        f"{name}_path": Path(inputs[name]) for name in ("truth", "replicates") if inputs.get(name)
    }
    evaluate(
        Path(inputs.predictions),
        Path(inputs.dataset),
        Path(snakemake.output.metrics),
        Path(snakemake.output.windows),
        settings=read_params(EvaluateSettings, snakemake.params.evaluate),
        **extra,
    )
