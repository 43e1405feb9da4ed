"""Download the data."""

from pathlib import Path

from seqcast.console import step
from seqcast.downloads import download

with step("download", snakemake.log[0]):
    download(
        snakemake.params.url,
        Path(snakemake.output[0]),
        sha256=snakemake.params.sha256,
        size=snakemake.params.bytes,
    )
