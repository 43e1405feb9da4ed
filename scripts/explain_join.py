"""Make tracks, arrays and tables of what all models explain."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.explain.writing import write_explained
from seqcast.settings import read_params
from seqcast.settings.steps import ExplainSettings

inputs, params = snakemake.input, snakemake.params
with step("explain join", snakemake.log[0]):
    output = Path(snakemake.output.explain)
    write_explained(
        output,
        Path(inputs.dataset),
        Path(inputs.regions),
        {
            model: {name: output.parent / "parts" / name / "parts.json" for name in members}
            for model, members in params.members.items()
        },
        read_params(ExplainSettings, params.explain),
        is_folded=params.is_folded,
    )
