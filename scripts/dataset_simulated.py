"""Make dataset.h5 from a seed."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.data import write_manifest
from seqcast.settings import SimulatedSettings, read_params
from seqcast.sources.simulated import write_simulated

with step("dataset", snakemake.log[0]):
    keep_memory()
    files = snakemake.output
    settings = read_params(SimulatedSettings, snakemake.params.dataset)
    write_simulated(settings, Path(files.dataset), Path(files.truth), Path(files.motifs))
    write_manifest(Path(files.dataset), Path(files.manifest))
