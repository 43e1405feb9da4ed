"""The letters of DNA as shapes: drawn as high as a base matters, whatever fonts a machine has."""

from collections.abc import Iterable

import numpy as np

# As genome browsers colour bases; none is the colour of a track.
COLOURS = {"A": "#00963f", "C": "#1f4fd8", "G": "#f2a900", "T": "#d7191c"}

Outline = list[tuple[float, float]]


def _bow(across: float, up: float, degrees: Iterable[float]) -> Outline:
    """Return points of an ellipse in the unit square; it is open at the right."""
    angles = np.deg2rad(list(degrees))
    x, y = 0.54 + across * np.cos(angles), 0.5 + up * np.sin(angles)
    return list(zip(x.round(3).tolist(), y.round(3).tolist(), strict=True))


_OUTER = _bow(0.54, 0.5, range(40, 321, 10))
_INNER = _bow(0.31, 0.35, range(320, 39, -10))
_BAR = [(0.955, 0.2), (0.955, 0.53), (0.55, 0.53), (0.55, 0.39), (0.75, 0.39)]
# Closed outlines in the unit square, y upwards; a hole runs the other way round.
LETTERS: dict[str, list[Outline]] = {
    "A": [
        [(0, 0), (0.38, 1), (0.62, 1), (1, 0), (0.78, 0), (0.7, 0.22), (0.3, 0.22), (0.22, 0)],
        [(0.36, 0.38), (0.64, 0.38), (0.5, 0.79)],
    ],
    "C": [[*_OUTER, *_INNER]],
    "G": [[*_OUTER, *_BAR, *_INNER[3:]]],
    "T": [[(0, 1), (1, 1), (1, 0.84), (0.61, 0.84), (0.61, 0), (0.39, 0), (0.39, 0.84), (0, 0.84)]],
}
