"""How much of what was observed lies above what training was shown."""

import numpy as np

from seqcast.data import Dataset

# A larger share of clipped bins than this is worth a warning.
_MOST_CLIPPED = 0.01
_MOST_NAMED = 5
_MOST_VALUES = 100_000_000
_VALUES_AT_ONCE = 1 << 22


def compute_clipped(dataset: Dataset, bins: np.ndarray) -> np.ndarray:
    """Return the share of each target's known bins above its hard clip, (targets,).

    `bins` are numbers of the dataset's bins, ascending; of very many an even sample is read. NaN
    where a target has no clip or nothing is known.
    """
    clip = np.array([np.nan if c is None else c for c in dataset.targets.clip], dtype=np.float32)
    if np.isnan(clip).all():
        return np.full(len(clip), np.nan)
    seen = np.nan_to_num(clip, nan=1.0) / dataset.targets.scaling.unit
    limit_T = dataset.targets.from_training(seen[None])[0]
    bins = bins[:: max(1, -(-bins.size * len(clip) // _MOST_VALUES))]
    above, known = np.zeros(len(clip)), np.zeros(len(clip))
    block = max(1, _VALUES_AT_ONCE // len(clip))
    for first in range(0, len(bins), block):
        coverage_BT = dataset.read_bins(bins[first : first + block])
        # Room for the rounding of scale and back.
        above += (coverage_BT > limit_T * 1.0001).sum(axis=0)
        known += np.isfinite(coverage_BT).sum(axis=0)
    share = np.divide(above, known, out=np.full(len(clip), np.nan), where=known > 0)
    return np.where(np.isnan(clip), np.nan, share)


def make_clip_warnings(dataset: Dataset, clipped: np.ndarray) -> list[str]:
    """Say which targets are clipped in more than a hundredth of their bins."""
    indices = np.flatnonzero(np.nan_to_num(clipped) > _MOST_CLIPPED)
    indices = indices[np.argsort(-clipped[indices], kind="stable")]
    lines = [
        f"{dataset.targets.identifier[index]}: {100 * clipped[index]:.1f}\u00a0% of the predicted"
        f" bins lie above its clip ({dataset.targets.clip[index]:g}, after scale); training never"
        " saw how high they are, so expect peaks that are too low. Raise clip, or lower scale."
        for index in indices[:_MOST_NAMED].tolist()
    ]
    if len(indices) > _MOST_NAMED:
        lines.append(f"And {len(indices) - _MOST_NAMED:,} more targets are clipped as much.")
    return lines
