"""What is read ahead comes in its order, and no more of it is read than may be."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.reading_ahead import read_ahead, work_ahead


@given(st.lists(st.integers()), st.integers(1, 6))
def test_items_come_in_their_order(items: list[int], most: int) -> None:
    assert list(read_ahead(items, most)) == items


@given(st.lists(st.integers()), st.integers(1, 4))
def test_what_is_made_of_items_comes_in_their_order(items: list[int], threads: int) -> None:
    assert list(work_ahead(str, items, threads)) == [*map(str, items)]


def test_as_many_threads_work_at_a_time() -> None:
    together = threading.Barrier(3)

    def meet(number: int) -> int:
        """Wait until three are here."""
        together.wait(timeout=60)
        return number

    assert list(work_ahead(meet, range(9), 3)) == list(range(9))


def test_they_are_made_by_another_thread_and_not_too_early() -> None:
    made: list[int] = []
    threads = set()

    def make() -> Iterator[int]:
        """Note what is made, and where."""
        for number in range(20):
            threads.add(threading.current_thread())
            made.append(number)
            yield number

    for taken, number in enumerate(read_ahead(make(), 3)):
        assert taken == number
        assert len(made) <= taken + 5
    assert threading.current_thread() not in threads
    assert len(threads) == 1


def test_what_fails_fails_in_its_place() -> None:
    def make() -> Iterator[int]:
        """Fail at the third."""
        yield from (1, 2)
        raise OSError("no third")

    found = read_ahead(make())
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(OSError, match="no third"):
        next(found)


def test_nothing_is_read_once_nobody_asks() -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        """Note what is made."""
        for number in range(1000):
            made.append(number)
            yield number

    found = read_ahead(make(), 2)
    assert next(found) == 0
    found.close()
    count = len(made)
    assert count <= 4
    assert not [each for each in threading.enumerate() if each.name.startswith("work ahead")]
