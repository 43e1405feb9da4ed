"""Predict a part of a genome with one trained model."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.predict.genome_tracks.plan import read_plan
from seqcast.predict.genome_tracks.predicting import predict_part
from seqcast.predict.trained import TrainedModel
from seqcast.settings import read_params
from seqcast.settings.steps import GenomeTracksSettings

part, name = snakemake.wildcards.part, snakemake.wildcards.member
with step(f"{snakemake.wildcards.scope} {part} {name}", snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    model = TrainedModel.from_params(
        inputs, params, name, threads=snakemake.threads, gpus=snakemake.resources.get("gpu")
    )
    tracks = read_params(GenomeTracksSettings, params.tracks)
    planned = read_plan(Path(inputs.plan)).find_part(part)
    predict_part(model, tracks, planned, Path(inputs.genome), Path(snakemake.output[0]))
