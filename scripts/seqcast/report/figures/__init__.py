"""Every picture of a run, as matplotlib figures that need neither pyplot nor a screen.

Observed coverage is filled, everywhere; a model is a line of its own colour. No colour carries a
meaning alone; they are those of `tracks/style.py`.
"""

from seqcast.report.figures.calibration import compute_calibrations, plot_calibration
from seqcast.report.figures.comparison import plot_comparison
from seqcast.report.figures.correlations import correlate_targets, find_compared, plot_correlations
from seqcast.report.figures.curves import plot_learning_curves
from seqcast.report.figures.errors import plot_errors
from seqcast.report.figures.pairs import Pairs, read_pairs, read_window_pairs
from seqcast.report.figures.profiles import compute_distance_profile, compute_gc_profile
from seqcast.report.figures.scatter import plot_scatter
from seqcast.report.figures.scores import plot_metrics
from seqcast.report.figures.windows import plot_coverage, plot_first_look, plot_window
from seqcast.report.figures.writing import write_figure
from seqcast.tracks.style import choose_ranked

__all__ = [
    "Pairs",
    "choose_ranked",
    "compute_calibrations",
    "compute_distance_profile",
    "compute_gc_profile",
    "correlate_targets",
    "find_compared",
    "plot_calibration",
    "plot_comparison",
    "plot_correlations",
    "plot_coverage",
    "plot_errors",
    "plot_first_look",
    "plot_learning_curves",
    "plot_metrics",
    "plot_scatter",
    "plot_window",
    "read_pairs",
    "read_window_pairs",
    "write_figure",
]
