"""The one owner of threads: a reader that runs ahead, a writer that runs behind, tasks side by side.

Both queues are bounded; a stop event, a sentinel and a carried exception end them; leaving the `with` block drains the
queue until the worker is gone. Pixels wait here at most `depth` frames long.

    with ReadAhead(iterate_frames(take)) as frames, WriteBehind(writer.write) as out:
        for index, pts, image in frames:
            out.put((pts, render(image)))
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
First = TypeVar("First")
Second = TypeVar("Second")

_POLL_SECONDS = 0.05
_END = object()


class ReadAhead(Generic[Item]):
    """Iterates `source` in a thread of its own, at most `depth` items ahead of the consumer.

    An exception of the source is raised in the consumer, after the items that came before it.
    """

    def __init__(self, source: Iterable[Item], *, depth: int = 4) -> None:
        self._source = source
        self._queue: queue.Queue = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="perfkit-read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __iter__(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not _END:
            yield item
        if self._error is not None:
            raise self._error

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        _drain_until_gone(self._queue, self._worker)

    def _work(self) -> None:
        try:
            for item in self._source:
                if not _put(self._queue, item, self._stop):
                    break
        except BaseException as error:
            self._error = error
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
            _put(self._queue, _END, self._stop)


class WriteBehind(Generic[Item]):
    """Calls `write(item)` in a thread of its own, in order, at most `depth` items behind the producer.

    An exception of `write` is raised in the producer: by the next `put`, or when the block ends. Leaving the block
    without an exception waits for all items; leaving it with one drops what still waits.
    """

    def __init__(self, write: Callable[[Item], None], *, depth: int = 4) -> None:
        self._write = write
        self._queue: queue.Queue = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="perfkit-write-behind", daemon=True)

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def put(self, item: Item) -> None:
        """Hand over one item; waits while the queue is full.

        Raises:
            BaseException: What `write` raised for an earlier item.
        """
        if not _put(self._queue, item, self._stop) and self._error is not None:
            raise self._error

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and _put(self._queue, _END, self._stop):
            self._worker.join()
        self._stop.set()
        _drain_until_gone(self._queue, self._worker)
        if error is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    item = self._queue.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if item is _END:
                    break
                self._write(item)
        except BaseException as error:
            self._error = error
            self._stop.set()


def _put(target: queue.Queue, item: object, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            target.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _drain_until_gone(source: queue.Queue, worker: threading.Thread) -> None:
    while worker.is_alive():
        try:
            source.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            worker.join(timeout=_POLL_SECONDS)


class SideBySide:
    """Runs two calls at once and waits for both; they must not share state."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="perfkit-side-by-side")

    def run(self, here: Callable[[], First], there: Callable[[], Second]) -> tuple[First, Second]:
        """Return both results; `there` runs in a thread. An exception is raised after both calls have ended."""
        future = self._pool.submit(there)
        try:
            first = here()
        finally:
            wait([future])
        return first, future.result()

    def close(self) -> None:
        """Wait for the worker to end."""
        self._pool.shutdown()
