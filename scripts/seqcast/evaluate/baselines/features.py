"""Describe bins by the DNA in and around them: counts of k-mers, or the share of G and C."""

import numpy as np

from seqcast.genome.codes import N

# Distances from the edges of a bin in bases, whatever the bin size.
_FLANKS = ((0, 128), (128, 384), (384, 1024))
_LONGEST = 4
# Lengths of the k-mers counted in the bin, in the flanks to its left and right, in its neighbours.
_LENGTHS = ((1, 2, 3, 4), *[(1, 2, 3)] * (2 * len(_FLANKS)), (4,), (4,))
KMER_FEATURES = sum(4**k for lengths in _LENGTHS for k in lengths)


def make_kmer_features(
    codes: np.ndarray, bin_size: int, first: int = 0, bins: int | None = None
) -> np.ndarray:
    """Count k-mers in and around bins of a contig, (bins, 1356) float32.

    `codes` (length,) uint8 is the whole contig; bins are `bins` from number `first` on, or all.
    The columns are the 1- to 4-mers in the bin; the 1- to 3-mers 0-128, 128-384 and 384-1,024
    bases to the left of it and the same to the right; the 4-mers in the bin before and in the one
    after it. A k-mer counts where it begins, unless it has an N or reaches beyond the contig, where
    there is nothing to count. With another bin size the bin and its neighbours have that size, and
    the flanks stay as they are.
    """
    start = _starts_of(codes, bin_size, first, bins)
    nearby, windows = _cut_out(codes, _place_windows(start, bin_size), _LONGEST - 1)
    counted = {}
    for k in range(1, _LONGEST + 1):
        indices = [index for index, lengths in enumerate(_LENGTHS) if k in lengths]
        counts = _count_kmers(nearby, windows[indices], k)
        counted.update({(index, k): each for index, each in zip(indices, counts, strict=True)})
    columns = [counted[index, k] for index, lengths in enumerate(_LENGTHS) for k in lengths]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def make_gc_features(
    codes: np.ndarray, bin_size: int, first: int = 0, bins: int | None = None
) -> np.ndarray:
    """Return the share of G and C among the known bases of bins, (bins, 1) float32.

    Arguments as for `make_kmer_features`; a bin without a known base has 0.
    """
    start = _starts_of(codes, bin_size, first, bins)
    (counts,) = _count_kmers(*_cut_out(codes, np.stack([start, start + bin_size])[None]))
    return (counts[:, [1, 2]].sum(axis=1) / np.maximum(counts.sum(axis=1), 1))[:, None].astype("f4")


def _starts_of(codes: np.ndarray, bin_size: int, first: int, bins: int | None) -> np.ndarray:
    """Return where bins begin, (bins,)."""
    whole = -(-codes.size // bin_size)
    return np.arange(first, whole if bins is None else first + bins) * bin_size


def _place_windows(start: np.ndarray, bin_size: int) -> np.ndarray:
    """Return starts and ends of the windows that are counted, (windows, 2, bins)."""
    end = start + bin_size
    return np.stack(
        [
            (start, end),
            *((start - far, start - near) for near, far in _FLANKS),
            *((end + near, end + far) for near, far in _FLANKS),
            (start - bin_size, start),
            (end, end + bin_size),
        ]
    )


def _cut_out(
    codes: np.ndarray, windows: np.ndarray, more: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bases that windows reach, with `more` after them, and the windows on these.

    So that the work does not grow with how far down its contig a bin lies.
    """
    windows = np.clip(windows, 0, codes.size)
    low = int(windows.min(initial=codes.size))
    return codes[low : int(windows.max(initial=0)) + more], windows - low


def _count_kmers(codes: np.ndarray, windows: np.ndarray, k: int = 1) -> np.ndarray:
    """Count the k-mers that begin in windows (windows, 2, bins), (windows, bins, 4**k) int32.

    Counts from the first base on, kept only at the edges of the windows, answer for all of them.
    """
    kmers = _index_kmers(codes, k)
    edges, inverse = np.unique(windows, return_inverse=True)
    kinds = 4**k + 1
    lengths = np.diff(np.minimum(edges, kmers.size), prepend=0, append=kmers.size)
    between = np.repeat(np.arange(edges.size + 1), lengths)
    counts = np.bincount(between * kinds + kmers, minlength=(edges.size + 1) * kinds)
    until = counts.reshape(edges.size + 1, kinds).cumsum(axis=0, dtype=np.int32)[:, :-1]
    return until[inverse[:, 1]] - until[inverse[:, 0]]


def _index_kmers(codes: np.ndarray, k: int) -> np.ndarray:
    """Return the number of the k-mer that begins at each base, AA..A first; 4**k holds an N."""
    whole = max(0, codes.size - k + 1)
    index, unknown = np.zeros(whole, dtype=np.int16), np.zeros(whole, dtype=bool)
    for offset in range(k):
        each = codes[offset : offset + whole]
        index *= 4
        index += each
        unknown |= each == N
    index[unknown] = 4**k
    return index
