"""Download one of the files that the data come from."""

from pathlib import Path

from seqcast.console import step
from seqcast.downloads import download
from seqcast.settings import find_files, read_settings

url, output = snakemake.params.url, Path(snakemake.output[0])
with step(f"download {output.name}", snakemake.log[0]):
    # Size and digest are no parameters of the rule: adding them to the config later must not
    # fetch the file again. `validate` holds them against it as well.
    files = {file.place: file for file in find_files(read_settings(snakemake.config).dataset)}
    download(url, output, sha256=files[url].sha256, size=files[url].bytes)
