"""DNA as numbers: codes, reverse complement, intervals.

Sequences are uint8 codes, 0..3 = A, C, G, T and 4 = N; intervals are 0-based and half-open.
"""

from typing import TypeVar

import numpy as np

_Codes = TypeVar("_Codes")

ALPHABET = "ACGTN"
N = 4

_CODES = np.full(256, N, dtype=np.uint8)
for _code, _base in enumerate(ALPHABET):
    _CODES[ord(_base)] = _CODES[ord(_base.lower())] = _code
_BASES = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def encode(sequence: str | bytes) -> np.ndarray:
    """Turn letters into codes, (length,) uint8; all but A, C, G, T in either case become N."""
    letters = sequence.encode() if isinstance(sequence, str) else sequence
    return _CODES[np.frombuffer(letters, dtype=np.uint8)]


def decode(codes: np.ndarray) -> str:
    """Turn codes (length,) into letters."""
    return _BASES[codes].tobytes().decode()


def complement(codes: _Codes) -> _Codes:
    """Return the codes of the pairing bases, of an array or a tensor; N pairs with N."""
    # 3 - code, but where it is N; bytes that wrap around on the way come back.
    return codes + (3 - 2 * codes) * (codes < N)


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Return the other strand of codes (..., length), read in its own direction."""
    return complement(codes[..., ::-1])


def tile(length: int, window: int, stride: int) -> np.ndarray:
    """Return the starts of all whole windows in `length` bases, (windows,) int64."""
    return np.arange(0, length - window + 1, stride, dtype=np.int64)


def find_runs_of_n(codes: np.ndarray) -> np.ndarray:
    """Return the runs of N in codes (length,), (n, 2) int64: start and end of each, in order."""
    is_n = np.zeros(codes.size + 2, dtype=bool)
    np.equal(codes, N, out=is_n[1:-1])
    return np.flatnonzero(is_n[1:] != is_n[:-1]).reshape(-1, 2)


def count_edge_bins(bins: int) -> int:
    """Return how many of the bins that a window predicts are left to its neighbours at either end.

    A network sees nothing beyond a window's end: a sixteenth counts only where no other window has
    those bins further inside, in tests and in tracks of genomes alike (measured: docs/model.md).
    """
    return bins // 16
