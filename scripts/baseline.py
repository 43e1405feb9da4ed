"""Fit a simple predictor to the training windows and predict with it."""

from pathlib import Path

from seqcast.baselines import write_baseline
from seqcast.console import step
from seqcast.settings import read_settings

name = snakemake.wildcards.baseline
with step(f"baseline {name}", snakemake.log[0]):
    settings = read_settings(snakemake.config).predict
    write_baseline(
        name,
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        split=settings.split,
        windows=settings.windows,
    )
