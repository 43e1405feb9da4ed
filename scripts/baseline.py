"""Fit a simple predictor to the training windows and predict with it."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.evaluate.baselines import write_baseline

name = snakemake.wildcards.baseline
with step(f"baseline {name}", snakemake.log[0]):
    write_baseline(
        name,
        Path(snakemake.input.dataset),
        Path(snakemake.output.predictions),
        **snakemake.params.predict,
    )
