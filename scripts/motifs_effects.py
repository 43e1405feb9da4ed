"""Make tables of what motifs do to the predictions of all models."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.motifs.effects_writing import write_effects

inputs, params = snakemake.input, snakemake.params
with step("motifs effects", snakemake.log[0]):
    output = Path(snakemake.output.effects)
    parts = output.parent / "parts/effects"
    write_effects(
        output,
        Path(inputs.dataset),
        Path(inputs.motifs),
        {
            model: {name: parts / name / "parts.json" for name in members}
            for model, members in params.members.items()
        },
    )
