"""Score all variants with one trained model, or go on where it was interrupted."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.settings import PredictSettings, TrainSettings, VariantsSettings, read_params
from seqcast.variants.scoring import score_member

name, inputs, params = snakemake.wildcards.member, snakemake.input, snakemake.params
with step(f"variants {name}", snakemake.log[0]):
    predict = read_params(PredictSettings, params.predict, params.untracked)
    score_member(
        read_params(VariantsSettings, params.variants),
        predict,
        read_params(TrainSettings, params.untracked),
        find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots)),
        Path(inputs.dataset),
        Path(inputs.plan),
        Path(snakemake.output[0]),
        fold=params.fold,
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
