"""Download one of the files that the data come from."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.core.downloads import download

output, file = Path(snakemake.output[0]), snakemake.params.file
with step(f"download {output.name}", snakemake.log[0]):
    download(
        snakemake.params.url,
        output,
        sha256=file.sha256,
        size=file.bytes,
        named_by=file.named_by,
    )
