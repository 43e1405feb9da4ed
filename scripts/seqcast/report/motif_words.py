"""How effects of motifs are written: as folds, of natural logarithms."""

import numpy as np

_TIMES, _OVER = "\u00d7", "\u00f7"


def format_fold(value: float) -> str:
    """Write a natural logarithm as a fold: so many times more, so many times less, or 1."""
    fold = float(np.exp(abs(value)))
    number = f"{fold:.0f}" if fold >= 9.95 else f"{fold:.1f}".removesuffix(".0")
    if number == "1":
        return "1"
    return (_TIMES if value > 0 else _OVER) + number
