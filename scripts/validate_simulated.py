"""Check the simulated dataset before a model sees it."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.memory import keep_memory
from seqcast.data import read_dataset
from seqcast.sources.validation.simulated import validate_dataset
from seqcast.sources.validation.verdict import conclude

with step("validate", snakemake.log[0]):
    keep_memory()
    files = snakemake.output
    found = validate_dataset(read_dataset(snakemake.input.source[0]))
    conclude(found, Path(files.validation), Path(files.verdict))
