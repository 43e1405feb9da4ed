"""Reading of what comes next, while what was read is worked on."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def read_ahead(items: Iterable[_T], most: int = 4) -> Iterator[_T]:
    """Yield items in their order; a thread makes up to `most` of them before they are asked for.

    It pays where making an item is reading or unpacking, which leave Python to others. What fails
    there fails here, in its place.
    """
    source, end = iter(items), object()
    reader = ThreadPoolExecutor(1, "read ahead")
    try:
        waiting = deque(reader.submit(next, source, end) for _ in range(most))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(reader.submit(next, source, end))
            yield item
    finally:
        # What is being read is waited for: the file may be closed next.
        reader.shutdown(cancel_futures=True)
