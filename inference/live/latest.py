"""The only queue of a live show: it holds the newest item, and counts those that nobody took in time."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Latest(Generic[Item]):
    """One place between a producer and a consumer; a new item takes the place of one that still waits.

    Attributes:
        num_dropped: Items that were replaced before they were taken.
    """

    def __init__(self) -> None:
        self.num_dropped = 0
        self._condition = threading.Condition()
        self._item: Item | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether no item will come any more."""
        return self._is_closed

    def put(self, item: Item) -> None:
        """Offer an item; never waits."""
        with self._condition:
            self.num_dropped += self._item is not None
            self._item = item
            self._condition.notify()

    def take(self, timeout: float | None = None) -> Item | None:
        """Wait for an item and take it; None after `timeout` seconds, or when the place is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._is_closed, timeout)
            item, self._item = self._item, None
            return item

    def close(self) -> None:
        """Wake the consumer for good."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
