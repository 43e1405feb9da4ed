"""Find the place of each window in the genome."""

from pathlib import Path

from seqcast.console import log, step
from seqcast.findings import read_validation
from seqcast.locating import describe, locate_windows, write_placements
from seqcast.settings import BasenjiSettings, read_params

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
