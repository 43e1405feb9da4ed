"""Read a VCF, judge its alleles, and cut them into parts."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.errors import SeqcastError
from seqcast.settings import read_params
from seqcast.settings.steps import VariantsSettings
from seqcast.sources.genome.fasta import open_fasta
from seqcast.sources.genome.names import read_aliases
from seqcast.variants.planning import plan_variants

inputs, params = snakemake.input, snakemake.params
with step("variants plan", snakemake.log[0]):
    if not inputs.dataset:
        raise SeqcastError(
            "variants: there is no genome to hold their alleles against: the windows of this run"
            " have no place in one. Set dataset.genome to the FASTA they were cut from"
        )
    plan_variants(
        Path(snakemake.output.plan),
        read_params(VariantsSettings, params.variants),
        Path(inputs.dataset),
        Path(inputs.vcf),
        open_fasta(Path(inputs.fasta), Path(params.untracked.work)) if inputs.fasta else None,
        read_aliases(Path(inputs.aliases)) if inputs.aliases else {},
    )
