"""Check the data, say what was found, and refuse what no model should learn from."""

from dataclasses import replace
from pathlib import Path

from seqcast.console import log, step
from seqcast.dataset import read_dataset
from seqcast.disk import write_text
from seqcast.findings import write_validation
from seqcast.memory import keep_memory
from seqcast.settings import read_settings
from seqcast.sources.genome.inputs import find_inputs
from seqcast.validation import make_verdict, validate, validate_dataset
from seqcast.validation.digests import digest_files
from seqcast.validation.genome import validate_genome

with step("validate", snakemake.log[0]):
    keep_memory()
    settings, source = read_settings(snakemake.config).dataset, Path(snakemake.input.source[0])
    if settings.source == "simulated":
        found = validate_dataset(read_dataset(source))
    elif settings.source == "genome":
        folders = Path(snakemake.params.downloads), Path(snakemake.params.work)
        inputs = find_inputs(settings, *folders)
        found = validate_genome(settings, inputs)
        # What is refused need not be read to its end.
        if not found.refusals:
            found = replace(found, files=digest_files(inputs.files))
    else:
        found = validate(settings, source)
    verdict = make_verdict(found)
    for line in verdict.splitlines():
        log.info("%s", line)
    found.raise_if_refused()
    write_validation(Path(snakemake.output.validation), found)
    write_text(Path(snakemake.output.verdict), verdict)
