"""Download one of the files that the data come from."""

from pathlib import Path

from seqcast.console import step
from seqcast.downloads import download
from seqcast.settings import File, find_files, read_settings

url, output = snakemake.params.url, Path(snakemake.output[0])
with step(f"download {output.name}", snakemake.log[0]):
    # Size and digest are no parameters of the rule: adding them to the config later must not
    # fetch the file again. `validate` holds them against it as well.
    settings = read_settings(snakemake.config)
    files = {file.place: file for file in find_files(settings.dataset)}
    # Of a genome for tracks alone nothing is known beforehand.
    file = files.get(url, File(url))
    download(url, output, sha256=file.sha256, size=file.bytes)
