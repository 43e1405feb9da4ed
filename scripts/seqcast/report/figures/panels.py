"""Square panels, one a target, that share the names of their axes."""

import numpy as np
from matplotlib.figure import Figure

from seqcast.tracks.style import INK, make_figure

MOST_PANELS = 12
_COLUMNS = 4


def make_panels(
    count: int, title: str, xlabel: str, ylabel: str, *, right: float = 0.35
) -> tuple[Figure, np.ndarray]:
    """Make a figure of square panels, (at least `count`,), with `right` inches free beside them.

    All panels are alike, so their places are set in inches: constrained layout takes ten times
    as long to find them.
    """
    columns = min(max(count, 1), _COLUMNS)
    rows = -(-max(count, 1) // columns)
    side, gap = (4.2 if count <= 1 else 2.0), 0.5
    left, top, bottom = 0.75, 0.85, 0.65
    width = left + columns * side + (columns - 1) * gap + right
    height = top + rows * side + (rows - 1) * gap + bottom
    figure = make_figure(width, height, title, layout="none")
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=gap / side,
        hspace=gap / side,
    )
    middle_x, middle_y = (left + width - right) / 2 / width, (bottom + height - top) / 2 / height
    style = {"fontsize": 9, "color": INK}
    figure.supxlabel(xlabel, x=middle_x, y=0.12 / height, **style)
    figure.supylabel(ylabel, x=0.1 / width, y=middle_y, **style)
    return figure, figure.subplots(rows, columns, squeeze=False).reshape(-1)
