"""Join the predicted parts of a genome to tracks, of one group of targets."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.predict.genome_tracks.joining import open_models
from seqcast.predict.genome_tracks.plan import read_plan
from seqcast.predict.genome_tracks.writing import join_tracks

scope, group, params = snakemake.wildcards.scope, snakemake.wildcards.group, snakemake.params
with step(f"join {scope} {group}", snakemake.log[0]):
    output, dataset = Path(snakemake.output[0]), read_dataset(snakemake.input.dataset)
    plan, folder = read_plan(Path(snakemake.input.plan)), Path(snakemake.input.plan).parent
    models = open_models(folder, plan, dataset, params.members, is_own=params.is_own)
    # Of regions only what is predicted: what was observed there is in genome-wide tracks.
    observed = params.is_own and scope == "genome_tracks"
    targets = slice(*plan.groups[int(group)])
    join_tracks(output, folder, dataset, models, targets, observed=observed)
