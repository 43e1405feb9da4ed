"""Say how good a model's predictions are."""

from pathlib import Path

from seqcast.console import step
from seqcast.evaluation import evaluate

with step(f"evaluate {snakemake.wildcards.model}", snakemake.log[0]):
    truth = snakemake.input.get("truth")
    evaluate(
        Path(snakemake.input.predictions),
        Path(snakemake.input.dataset),
        Path(snakemake.output.metrics),
        Path(snakemake.output.windows),
        truth_path=Path(truth) if truth else None,
    )
