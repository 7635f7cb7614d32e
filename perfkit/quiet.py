"""C and C++ libraries that speak on stderr beside the one line that perfkit says there, and have no switch for it."""

import contextlib
import os
import threading
from collections.abc import Iterator


class _QuietStderr:
    """Sends stderr away while blocks are at work.

    They may be in several threads, and stderr is the whole process's: the first to come sends it away, the last to go
    brings it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = self._kept = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._kept = os.dup(2)
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 2)
                os.close(sink)
            self._depth += 1
        try:
            yield
        finally:
            with self._lock:
                self._depth -= 1
                if self._depth == 0:
                    os.dup2(self._kept, 2)
                    os.close(self._kept)


quiet_stderr = _QuietStderr()
