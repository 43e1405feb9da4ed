"""Every picture of a run, as matplotlib figures that need neither pyplot nor a screen.

Observed coverage is blue and filled, everywhere. A model is a line of its own colour, vermilion
where there is but one. The colours are Okabe and Ito's, told apart by colour-blind readers, and
never carry a meaning alone.
"""

from seqcast.figures.calibration import find_calibrations, plot_calibration
from seqcast.figures.comparison import plot_comparison
from seqcast.figures.correlations import find_compared, find_likeness, plot_correlations
from seqcast.figures.curves import plot_learning_curves
from seqcast.figures.errors import plot_errors
from seqcast.figures.pairs import Pairs, read_pairs, read_window_pairs
from seqcast.figures.profiles import find_distance_profile, find_gc_profile
from seqcast.figures.scatter import plot_scatter
from seqcast.figures.scores import plot_metrics
from seqcast.figures.style import find_ranked
from seqcast.figures.windows import plot_coverage, plot_first_look, plot_window
from seqcast.figures.writing import write_figure

__all__ = [
    "Pairs",
    "find_calibrations",
    "find_compared",
    "find_distance_profile",
    "find_gc_profile",
    "find_likeness",
    "find_ranked",
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
