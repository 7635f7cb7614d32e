"""How a show is doing: rates, times and losses over the last seconds, in bounded memory."""

import threading
from collections import deque

import numpy as np

_SPAN_SECONDS = 3.0


class Meter:
    """Counts events and how long each took."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, float]] = deque(maxlen=1024)
        self._lock = threading.Lock()

    def add(self, at_seconds: float, took_seconds: float = 0.0) -> None:
        """Note an event."""
        with self._lock:
            self._events.append((at_seconds, took_seconds))

    def rate(self, now_seconds: float) -> float:
        """Return events a second."""
        return len(self._recent(now_seconds)) / _SPAN_SECONDS

    def typical(self, now_seconds: float, share: float = 0.5) -> float:
        """Return the quantile of how long events took, seconds; 0 without any."""
        recent = self._recent(now_seconds)
        return float(np.quantile(recent, share)) if recent else 0.0

    def _recent(self, now_seconds: float) -> list[float]:
        with self._lock:
            return [took for at, took in self._events if at > now_seconds - _SPAN_SECONDS]
