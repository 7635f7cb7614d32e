"""Ctrl-C at a time that suits: what begins or ends several threads is not left half done.

A second Ctrl-C, which impatient users and `timeout` send, else breaks the joining of threads; the interpreter then ends
under threads that run, and native libraries abort it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait until the block has ended; in other threads than the first, which hear none, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
