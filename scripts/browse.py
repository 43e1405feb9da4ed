"""Write the browser page beside the tracks, and what other genome browsers open."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.settings import find_source
from seqcast.sources.genome.unpacking import stem_of
from seqcast.tracks.browser.explained import read_explained
from seqcast.tracks.browser.shown import ResultFiles, find_shown
from seqcast.tracks.browser.varied import read_varied
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers

folder, inputs, params = snakemake.wildcards.folder, snakemake.input, snakemake.params
with step(f"browse {folder}", snakemake.log[0]):
    tracks, dataset = Path(inputs.tracks), read_dataset(inputs.dataset)
    other = params.other_genome
    # What was explained lies on the run's own genome.
    explained = read_explained(inputs.explained) if inputs.explained and not other else None
    varied = read_varied(inputs.varied) if inputs.varied and not other else None
    files = inputs.metrics, inputs.windows, inputs.predictions
    shown = find_shown(
        tracks.parent,
        dataset,
        dict(zip(params.models, map(ResultFiles, *files), strict=True)),
        own=params.browse["loci"],
        is_own_genome=not other,
        explained=explained,
        varied=varied,
    )
    view = View(
        tracks.parent,
        shown.loci,
        title=params.title,
        assembly=stem_of(Path(other)) if other else params.assembly or dataset.source["assembly"],
        ucsc=params.assembly,
        is_stand_in=not (other or dataset.has_coordinates),
        is_simulated=find_source(dataset.source.get("kind")).IS_SIMULATED and not other,
        annotation=inputs.annotation,
        scores=shown.scores,
        explained=explained,
        varied=varied,
        motifs=Path(inputs.motifs) if inputs.motifs and not other else None,
        command=f"make browse RUN={params.run}" + (f" FOLDER={folder}" * (folder != "export")),
    )
    write_browsers(view, Path(snakemake.scriptdir, "../workflow/report/browser.html.j2"))
