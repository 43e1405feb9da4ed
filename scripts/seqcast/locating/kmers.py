"""32-mers as 64-bit numbers.

A genome is looked at only where the position is a multiple of 64. A stretch of 95 known bases holds
32-mers at 64 positions in a row, so wherever the stretch lies in the genome, exactly one of them
lies on a multiple of 64.
"""

import numpy as np

K = 32
STEP = 64
STRETCH = K + STEP - 1
_UNKNOWN = np.uint64(0x0404040404040404)


def pack_kmers(codes_XK: np.ndarray) -> np.ndarray:
    """Pack codes (..., 32) uint8 of known bases into (...,) uint64.

    The numbers tell 32-mers apart; their order means nothing.
    """
    pairs = (codes_XK[..., 0::2] << 2) | codes_XK[..., 1::2]
    fours = (pairs[..., 0::2] << 4) | pairs[..., 1::2]
    return np.ascontiguousarray(fours).view(np.uint64)[..., 0]


def slide_kmers(codes_XL: np.ndarray) -> np.ndarray:
    """Return the 32-mer from each position on: (..., length) uint8 to (..., length - 31) uint64."""
    return pack_kmers(np.lib.stride_tricks.sliding_window_view(codes_XL, K, axis=-1))


def sample_kmers(codes: np.ndarray, step: int = STEP) -> tuple[np.ndarray, np.ndarray]:
    """Return the 32-mers on multiples of `step` whose bases are all known, and their positions.

    `codes` is (length,) uint8; the 32-mers are uint64, the positions int64.
    """
    if codes.size < K:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    rows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(codes, K)[::step])
    unknown = ((rows.view(np.uint64) & _UNKNOWN) != 0).any(axis=1)
    positions = np.flatnonzero(~unknown)
    kmers = pack_kmers(rows)
    return (kmers if positions.size == len(rows) else kmers[positions]), positions * step
