"""Download one of the files that the data come from."""

from pathlib import Path

from seqcast.console import step
from seqcast.downloads import download
from seqcast.settings import File, find_files, find_genome, read_settings

url, output = snakemake.params.url, Path(snakemake.output[0])
with step(f"download {output.name}", snakemake.log[0]):
    # Size and digest are no parameters of the rule: adding them to the config later must not
    # fetch the file again. `validate` holds them against it as well.
    settings = read_settings(snakemake.config)
    # A file that is named twice is checked as the dataset's.
    others = [File(place, named_by="browse.annotation") for place in settings.browse.annotation]
    genome = find_genome(settings.dataset, settings.genome_tracks)
    files = [*others, *filter(None, [genome]), *find_files(settings.dataset)]
    file = {file.place: file for file in files}[url]
    download(url, output, sha256=file.sha256, size=file.bytes, named_by=file.named_by)
