"""Predict a part of a genome with one trained model."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.nn.checkpoint import find_checkpoint
from seqcast.predict.genome_tracks.plan import read_plan
from seqcast.predict.genome_tracks.predicting import PartSettings, predict_part
from seqcast.settings import GenomeTracksSettings, PredictSettings, TrainSettings, read_params

part, name = snakemake.wildcards.part, snakemake.wildcards.member
with step(f"{snakemake.wildcards.scope} {part} {name}", snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    predict = read_params(PredictSettings, params.predict, params.untracked)
    predict_part(
        read_plan(Path(inputs.plan)).find_part(part),
        Path(inputs.genome),
        find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots)),
        Path(inputs.dataset),
        Path(snakemake.output[0]),
        PartSettings(
            read_params(GenomeTracksSettings, params.tracks),
            predict,
            read_params(TrainSettings, params.untracked),
        ),
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
