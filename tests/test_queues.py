"""The threads end, whoever raises: the consumer, the producer, or nobody."""

import itertools
import threading
import time

import pytest

from perfkit.queues import ReadAhead, SideBySide, WriteBehind

pytestmark = pytest.mark.timeout(20)


def worker_names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("perfkit-")]


def broken_source():
    yield from range(3)
    raise RuntimeError("source broke")


def test_items_come_in_order_and_the_thread_is_gone():
    with ReadAhead(range(100), depth=3) as items:
        assert list(items) == list(range(100))
    assert worker_names() == []


def test_read_ahead_ends_when_the_consumer_raises():
    with pytest.raises(RuntimeError, match="consumer"), ReadAhead(itertools.count(), depth=2) as items:
        for item in items:
            if item == 5:
                raise RuntimeError("consumer")
    assert worker_names() == []


def test_read_ahead_carries_the_producers_exception_after_its_items():
    seen = []
    with pytest.raises(RuntimeError, match="source broke"), ReadAhead(broken_source()) as items:
        seen.extend(items)
    with pytest.raises(RuntimeError, match="source broke"), ReadAhead(broken_source()) as items:
        for item in items:
            seen.append(item)
    assert seen[-3:] == [0, 1, 2]
    assert worker_names() == []


def test_read_ahead_never_runs_further_ahead_than_its_depth():
    taken = []

    def source():
        for number in range(50):
            taken.append(number)
            yield number

    with ReadAhead(source(), depth=3) as items:
        for item in items:
            time.sleep(0.001)
            assert len(taken) <= item + 1 + 3 + 1
    assert worker_names() == []


def test_read_ahead_closes_a_source_that_was_left_half_way():
    closed = threading.Event()

    def source():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    with ReadAhead(source()) as items:
        next(iter(items))
    assert closed.is_set()


def test_write_behind_writes_all_in_order():
    written = []
    with WriteBehind(written.append, depth=2) as out:
        for item in range(50):
            out.put(item)
    assert written == list(range(50))
    assert worker_names() == []


def test_write_behind_raises_the_writers_exception_in_the_producer():
    def write(item):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), WriteBehind(write, depth=2) as out:
        for item in itertools.count():
            out.put(item)
    with pytest.raises(OSError, match="disk full"), WriteBehind(write) as out:
        out.put(1)
    assert worker_names() == []


def test_write_behind_ends_when_the_producer_raises():
    def write(item):
        time.sleep(0.01)

    with pytest.raises(RuntimeError, match="producer"), WriteBehind(write, depth=50) as out:
        for item in range(50):
            out.put(item)
        raise RuntimeError("producer")
    assert worker_names() == []


def test_side_by_side_returns_both_and_carries_either_exception():
    pair = SideBySide()
    assert pair.run(lambda: 1, lambda: "two") == (1, "two")
    for here, there in [(lambda: 1 / 0, lambda: 1), (lambda: 1, lambda: 1 / 0)]:
        with pytest.raises(ZeroDivisionError):
            pair.run(here, there)
    pair.close()
    assert worker_names() == []
