"""Check the data, say what was found, draw a first look, and refuse what no model should see."""

from pathlib import Path

from seqcast.console import log, step
from seqcast.dataset import read_dataset
from seqcast.figures import plot_coverage, plot_first_look, write_figure
from seqcast.settings import read_settings
from seqcast.validation import make_verdict, read_first_window, validate, validate_dataset

with step("validate", snakemake.log[0]):
    settings = read_settings(snakemake.config).dataset
    if settings.source == "simulated":
        dataset = read_dataset(snakemake.input.source[0])
        found = validate_dataset(dataset)
    else:
        found = validate(settings, Path(snakemake.input.source))
    for line in make_verdict(found).splitlines():
        log.info("%s", line)
    found.raise_if_refused()
    Path(snakemake.output.validation).write_text(found.to_json())
    Path(snakemake.output.verdict).write_text(make_verdict(found))
    if settings.source == "simulated":
        figure = plot_first_look(dataset)
    else:
        coverage, targets = read_first_window(Path(snakemake.input.source))
        figure = plot_coverage(coverage, targets, bin_size=found.bin_size)
    write_figure(figure, snakemake.output.first_look)
