"""Values in groups by their quantiles."""

from collections.abc import Sequence

import numpy as np

LEAST = 20


def number_groups(values: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Return the number of the group between quantiles that each value lies in, (values,).

    Equal values stay together, groups are numbered from 0 on in ascending order, and neighbours
    join until each has at least 20 values, or all there are.
    """
    if not values.size:
        return np.zeros(0, dtype=np.int64)
    edges = np.unique(np.quantile(values, quantiles))
    group = np.searchsorted(edges, values, side="right")
    left, joined, number, filled = values.size, [], 0, 0
    for count in np.bincount(group, minlength=len(edges) + 1).tolist():
        joined.append(number)
        filled, left = filled + count, left - count
        if filled >= LEAST <= left:
            number, filled = number + 1, 0
    return np.asarray(joined)[group]
