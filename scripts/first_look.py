"""Draw three targets of the first window."""

from pathlib import Path

from seqcast.core.console import step
from seqcast.data import read_dataset
from seqcast.report.figures import plot_coverage, plot_first_look, write_figure
from seqcast.sources.validation import read_first_window

with step("first look", snakemake.log[0]):
    source = Path(snakemake.input.source[0])
    if snakemake.params.has_windows:
        figure = plot_coverage(*read_first_window(source), bin_size=snakemake.params.bin_size)
    else:
        figure = plot_first_look(read_dataset(source))
    write_figure(figure, snakemake.output[0])
