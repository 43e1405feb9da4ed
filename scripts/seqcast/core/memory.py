"""Memory that is used again.

Each layer of a network makes and frees tensors of tens of megabytes, each window that is read
arrays of one. The C library gives such memory back to the system at once, and the system clears it
page by page when it is asked for again: on a CPU that can take longer than the arithmetic.
"""

import ctypes

# The parameters of glibc's mallopt.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# All there can be, and the most that an older glibc takes for a threshold of mmap.
_ALL, _MOST = (1 << 31) - 1, 32 << 20


def keep_memory() -> bool:
    """Keep memory that this process frees, for what it asks for next; say whether that is so.

    Only glibc can be told to; the process is as large as it ever was until it ends.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # What is refused changes nothing, and is no reason to leave the other out.
    is_trimmed = bool(mallopt(_TRIM_THRESHOLD, _ALL))
    is_reused = bool(mallopt(_MMAP_THRESHOLD, _ALL) or mallopt(_MMAP_THRESHOLD, _MOST))
    return is_trimmed and is_reused
