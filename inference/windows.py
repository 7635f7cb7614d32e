"""Long sequences, one window at a time: a core that is this window's own, and context that its neighbours own.

    frames   0 1 2 3 4 5 6 7 8 9
    window 0 [0 1 2 3] 4                 context 1
    window 1        3 [4 5 6 7] 8
    window 2                7 [8 9]

A frame's result may depend on its context and on nothing else, so windows joined equal the whole, whatever their size.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Window(Generic[Item]):
    """A run of neighbours.

    Attributes:
        items: Context before, core, context after.
        core: Which of `items` are the window's own.
    """

    items: tuple[Item, ...]
    core: slice


def iterate_windows(items: Iterable[Item], *, size: int, context: int = 0) -> Iterator[Window[Item]]:
    """Yield windows whose cores, joined, are all `items`; at most size + 2 context items are held.

    Args:
        items: Read once, in order.
        size: Items of a core; the last may be shorter.
        context: Neighbours on each side; fewer at the two ends of the sequence.
    """
    if size < 1 or context < 0:
        raise ValueError(f"expected size >= 1 and context >= 0, got {size} and {context}")
    source = iter(items)
    held: deque[Item] = deque()
    num_before = 0
    while True:
        _fill(held, source, num_before + size + context)
        num_core = min(size, len(held) - num_before)
        if num_core <= 0:
            return
        yield Window(tuple(held), slice(num_before, num_before + num_core))
        num_left_behind = max(0, num_before + num_core - context)
        for _ in range(num_left_behind):
            held.popleft()
        num_before = num_before + num_core - num_left_behind


def _fill(held: deque[Item], source: Iterator[Item], target: int) -> None:
    while len(held) < target:
        try:
            held.append(next(source))
        except StopIteration:
            return
