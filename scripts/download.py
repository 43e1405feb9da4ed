"""Download the data."""

from pathlib import Path

from seqcast.console import step
from seqcast.downloads import download
from seqcast.settings import read_settings

with step("download", snakemake.log[0]):
    # Size and digest are no parameters of the rule: adding them to the config later must not
    # fetch the file again. `validate` holds them against it as well.
    settings = read_settings(snakemake.config).dataset
    download(
        snakemake.params.url,
        Path(snakemake.output[0]),
        sha256=settings.sha256,
        size=settings.bytes,
    )
