"""32-mers of DNA as 64-bit numbers."""

import numpy as np

from seqcast.genome.codes import N

K = 32


def pack_kmers(codes: np.ndarray, apart: bool = False) -> np.ndarray:
    """Pack the 32-mer from each position on: (..., length) uint8 to (..., length - 31) uint64.

    Two bits a base, the first base in the highest; N counts as A, see `mark_known`. With `apart`
    only those from multiples of 32 on, (..., length / 32).
    """
    packed = codes & 3
    for size in (1, 2, 4, 8, 16):
        # Two neighbours make one twice as long, in numbers no wider than it takes: less memory.
        packed = packed.astype(f"u{max(1, size // 2)}", copy=False)
        left = packed[..., 0::2] if apart else packed[..., :-size]
        right = packed[..., 1::2] if apart else packed[..., size:]
        packed = (left << packed.dtype.type(2 * size)) | right
    return packed


def mark_known(codes: np.ndarray, size: int = K) -> np.ndarray:
    """Say where `size` bases in a row are known: (length,) uint8 to (length - size + 1,) bool."""
    unknown = np.cumsum(np.concatenate([[0], codes == N]))
    return unknown[size:] == unknown[:-size]
