"""Every picture of a run, as matplotlib figures that need neither pyplot nor a screen.

Observed coverage is blue and filled, everywhere. A model is a line of its own colour, vermilion
where there is but one. The colours are Okabe and Ito's, told apart by colour-blind readers, and
never carry a meaning alone.
"""

from seqcast.figures.comparison import plot_comparison
from seqcast.figures.curves import plot_learning_curves
from seqcast.figures.scatter import plot_scatter
from seqcast.figures.scores import plot_metrics
from seqcast.figures.style import find_ranked, write_figure
from seqcast.figures.windows import plot_coverage, plot_first_look, plot_window

__all__ = [
    "find_ranked",
    "plot_comparison",
    "plot_coverage",
    "plot_first_look",
    "plot_learning_curves",
    "plot_metrics",
    "plot_scatter",
    "plot_window",
    "write_figure",
]
