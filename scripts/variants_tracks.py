"""Write tracks and letters of both alleles of the variants of the largest effects."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.variants.tracks import write_tracks

inputs, params = snakemake.input, snakemake.params
with step("variants tracks", snakemake.log[0]):
    joined = Path(inputs.joined)
    write_tracks(
        Path(snakemake.output[0]),
        joined,
        Path(inputs.dataset),
        {
            model: [joined.parent / "top" / f"{name}.h5" for name in members]
            for model, members in params.members.items()
        },
    )
