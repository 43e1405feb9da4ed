"""Predict a part of a genome with one trained model."""

from pathlib import Path

from seqcast.checkpoint import find_checkpoint
from seqcast.console import step
from seqcast.genome_tracks.plan import read_plan
from seqcast.genome_tracks.predicting import PartSettings, predict_part
from seqcast.settings import read_settings

part, name = snakemake.wildcards.part, snakemake.wildcards.member
with step(f"{snakemake.wildcards.scope} {part} {name}", snakemake.log[0]):
    settings, inputs = read_settings(snakemake.config), snakemake.input
    predict_part(
        read_plan(Path(inputs.plan)).find_part(part),
        Path(inputs.genome),
        find_checkpoint(
            settings.predict.checkpoint, Path(inputs.model), Path(snakemake.params.snapshots)
        ),
        Path(inputs.dataset),
        Path(snakemake.output[0]),
        PartSettings(settings.genome_tracks, settings.predict, settings.training(name)),
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
