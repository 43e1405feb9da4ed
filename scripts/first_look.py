"""Draw three targets of the first window."""

from pathlib import Path

from seqcast.console import step
from seqcast.dataset import read_dataset
from seqcast.figures import plot_coverage, plot_first_look, write_figure
from seqcast.settings import read_settings
from seqcast.validation import read_first_window

with step("first look", snakemake.log[0]):
    settings, source = read_settings(snakemake.config).dataset, Path(snakemake.input.source[0])
    if settings.source == "basenji_h5":
        figure = plot_coverage(*read_first_window(source), bin_size=settings.bin_size)
    else:
        figure = plot_first_look(read_dataset(source))
    write_figure(figure, snakemake.output[0])
