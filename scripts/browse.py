"""Write the browser page beside the tracks, and what other genome browsers open."""

from pathlib import Path

from seqcast.browser.shown import find_shown
from seqcast.browser.writing import write_browsers
from seqcast.console import step
from seqcast.dataset import read_dataset

with step("browse", snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    folder, dataset = Path(inputs.tracks).parent, read_dataset(inputs.dataset)
    shown = find_shown(
        folder,
        dataset,
        metrics=dict(zip(params.models, inputs.metrics, strict=True)),
        windows=dict(zip(params.models, inputs.windows, strict=True)),
        predictions=dict(zip(params.models, inputs.predictions, strict=True)),
        own=params.browse["loci"],
    )
    write_browsers(
        folder,
        Path(snakemake.scriptdir, "../workflow/report/browser.html.j2"),
        title=params.title,
        loci=shown.loci,
        assembly=str(dataset.source.get("assembly") or ""),
        ucsc=dataset.source.get("ucsc"),
        is_stand_in=not dataset.has_coordinates,
        is_simulated=dataset.source.get("kind") == "simulated",
        annotation=inputs.annotation,
        scores=shown.scores,
        command=f"make browse RUN={params.run}",
    )
