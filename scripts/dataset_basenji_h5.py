"""Make dataset.h5 from an HDF5 file of windows."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.data import write_manifest
from seqcast.settings import BasenjiSettings, read_params
from seqcast.sources.basenji import write_dataset
from seqcast.sources.findings import read_validation
from seqcast.sources.locating.placements import read_placements

with step("dataset", snakemake.log[0]):
    keep_memory()
    files, inputs = snakemake.output, snakemake.input
    write_dataset(
        read_params(BasenjiSettings, snakemake.params.dataset),
        Path(inputs.source[0]),
        read_validation(Path(inputs.validation)),
        Path(files.dataset),
        read_placements(Path(inputs.placements)).to_places() if inputs.placements else None,
    )
    write_manifest(Path(files.dataset), Path(files.manifest))
