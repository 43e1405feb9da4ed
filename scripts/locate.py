"""Find the place of each window in the genome."""

from pathlib import Path

from seqcast.core.console import log, step
from seqcast.settings import BasenjiSettings, read_params
from seqcast.sources.findings import read_validation
from seqcast.sources.locating import describe, locate_windows, write_placements

with step("locate", snakemake.log[0]):
    placements = locate_windows(
        read_params(BasenjiSettings, snakemake.params.dataset),
        Path(snakemake.input.source[0]),
        read_validation(Path(snakemake.input.validation)),
        Path(snakemake.input.genome),
        Path(snakemake.params.untracked.work),
    )
    for line in describe(placements):
        log.info("%s", line)
    write_placements(Path(snakemake.output[0]), placements)
