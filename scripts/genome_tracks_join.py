"""Join the predicted parts of a genome to tracks."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.predict.genome_tracks.joining import open_models
from seqcast.predict.genome_tracks.plan import read_plan
from seqcast.predict.genome_tracks.writing import write_genome_tracks

scope, params = snakemake.wildcards.scope, snakemake.params
with step(f"join {scope}", snakemake.log[0]):
    output, dataset = Path(snakemake.output[0]), read_dataset(snakemake.input.dataset)
    models = open_models(
        output.parent,
        read_plan(Path(snakemake.input.plan)),
        dataset,
        params.members,
        is_own=params.is_own,
    )
    # Of regions only what is predicted: what was observed there is in genome-wide tracks.
    write_genome_tracks(
        output, dataset, models, is_own=params.is_own, observed=scope == "genome_tracks"
    )
