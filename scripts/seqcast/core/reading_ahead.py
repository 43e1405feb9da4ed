"""Work on what comes next, while what was made is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import TypeVar

_I = TypeVar("_I")
_T = TypeVar("_T")


def work_ahead(
    make: Callable[[_I], _T], items: Iterable[_I], threads: int, most: int | None = None
) -> Iterator[_T]:
    """Yield what is made of items, in their order; threads make up to `most` before they are used.

    That is two for each thread, if not given, so that none waits. It pays where most of the work
    leaves Python to others, as reading, unpacking and arithmetic on arrays do. What fails there
    fails here, in its place.
    """
    source = iter(items)
    pool = ThreadPoolExecutor(threads, "work ahead")
    try:
        waiting = deque(pool.submit(make, item) for item in islice(source, most or 2 * threads))
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(pool.submit(make, item) for item in islice(source, 1))
            yield made
    finally:
        # What is being made is waited for: the file may be closed next.
        pool.shutdown(cancel_futures=True)


def read_ahead(items: Iterable[_T], most: int = 4) -> Iterator[_T]:
    """Yield items in their order; a thread makes up to `most` of them before they are asked for."""
    source, end = iter(items), object()
    for item in work_ahead(lambda _: next(source, end), repeat(None), 1, most):
        if item is end:
            return
        yield item
