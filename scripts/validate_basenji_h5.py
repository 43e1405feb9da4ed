"""Check an HDF5 file of windows before it becomes a dataset."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.settings import BasenjiSettings, read_params
from seqcast.sources.validation.checks import validate
from seqcast.sources.validation.verdict import conclude

with step("validate", snakemake.log[0]):
    keep_memory()
    files = snakemake.output
    settings = read_params(BasenjiSettings, snakemake.params.dataset)
    found = validate(settings, Path(snakemake.input.source[0]))
    conclude(found, Path(files.validation), Path(files.verdict))
