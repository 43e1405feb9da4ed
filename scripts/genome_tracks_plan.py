"""Lay the genome beside the tracks to be, and cut what is to be predicted into parts."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.errors import SeqcastError
from seqcast.predict.genome_tracks.planning import write_plans
from seqcast.predict.genome_tracks.reference import describe_lack
from seqcast.settings import read_params
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.sources.genome.fasta import open_fasta

inputs, params = snakemake.input, snakemake.params
with step(f"plan {snakemake.wildcards.scope}", snakemake.log[0]):
    if not inputs.dataset:
        raise SeqcastError(describe_lack())
    write_plans(
        Path(snakemake.output.plan),
        read_params(GenomeTracksSettings, params.tracks),
        Path(inputs.dataset),
        open_fasta(Path(inputs.fasta), Path(params.untracked.work)) if inputs.fasta else None,
        regions=Path(inputs.regions) if inputs.regions else None,
        models=params.models,
        members=params.members,
    )
