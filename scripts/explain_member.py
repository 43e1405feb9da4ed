"""Explain all regions with one trained model, or go on where it was interrupted."""

from pathlib import Path

from seqcast.checkpoint import find_checkpoint
from seqcast.console import step
from seqcast.explain.explaining import explain_member
from seqcast.settings import read_settings

name, inputs = snakemake.wildcards.member, snakemake.input
with step(f"explain {name}", snakemake.log[0]):
    settings = read_settings(snakemake.config)
    explain_member(
        settings.explain,
        settings.predict,
        settings.training(name),
        find_checkpoint(
            settings.predict.checkpoint, Path(inputs.model), Path(snakemake.params.snapshots)
        ),
        Path(inputs.dataset),
        Path(inputs.regions),
        Path(snakemake.output[0]),
        fold=settings.members[name].fold,
        name=name,
        threads=snakemake.threads,
        gpus=snakemake.resources.get("gpu"),
    )
