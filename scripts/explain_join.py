"""Make tracks, arrays and tables of what all models explain."""

from pathlib import Path

from seqcast.console import step
from seqcast.explain.writing import write_explained
from seqcast.settings import read_settings

inputs, params = snakemake.input, snakemake.params
with step("explain join", snakemake.log[0]):
    settings, output = read_settings(snakemake.config), Path(snakemake.output.explain)
    write_explained(
        output,
        Path(inputs.dataset),
        Path(inputs.regions),
        {
            model: {name: output.parent / "parts" / name / "parts.json" for name in members}
            for model, members in params.members.items()
        },
        settings.explain,
        is_folded=settings.folds > 1,
    )
