"""Choose the regions that are explained."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.explain.regions import choose_regions
from seqcast.settings import read_params
from seqcast.settings.steps import ExplainSettings

inputs = snakemake.input
with step("explain regions", snakemake.log[0]):
    choose_regions(
        read_params(ExplainSettings, snakemake.params.explain),
        Path(inputs.dataset),
        [Path(path) for path in inputs.predictions],
        Path(snakemake.output[0]),
        bed=Path(inputs.bed) if inputs.bed else None,
    )
