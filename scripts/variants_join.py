"""Make the table, the VCF and the arrays of what all models found of variants."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.settings import read_params
from seqcast.settings.steps import VariantsSettings
from seqcast.variants.writing import write_variants

inputs, params = snakemake.input, snakemake.params
with step("variants join", snakemake.log[0]):
    write_variants(
        Path(snakemake.output.joined),
        Path(snakemake.output.table).parent,
        Path(inputs.dataset),
        Path(inputs.plan),
        params.members,
        dict(zip(params.members, map(Path, inputs.predictions), strict=True)),
        read_params(VariantsSettings, params.variants),
    )
