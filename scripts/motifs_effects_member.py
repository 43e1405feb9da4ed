"""Say what motifs do to one trained model's predictions, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.measuring import measure_member
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.settings import (
    ExplainSettings,
    MotifsSettings,
    PredictSettings,
    TrainSettings,
    read_params,
)

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"motifs {name}", snakemake.log[0]):
    predict = read_params(PredictSettings, params.predict, params.untracked)
    measure_member(
        read_params(MotifsSettings, params.motifs),
        read_params(ExplainSettings, params.explain).radius,
        predict,
        read_params(TrainSettings, params.untracked),
        find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots)),
        Path(inputs.dataset),
        Path(inputs.motifs),
        Path(snakemake.output[0]),
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
