"""Blinks that close, while they happen: lids that fall fast are shut before the camera has seen it.

In: (2,) eyeBlink weights a frame, and the tracker's own. Out: (2,) with every fast fall ending shut. The causal sibling
of `perfkit.blinks`, which knows where a blink's bottom is.
"""

from collections import deque

import numpy as np

_LOOK_BACK_SECONDS = 0.2
_LEAST_DROP, _LEAST_REPORT, _FALLEN = 0.25, 0.2, 0.25
"""How far lids and the tracker's report must have risen within the look back, and from which weight they may shut."""
_HELD_SECONDS = 0.03
_RISE = 0.2
"""How far the lids must open from the bottom for a blink to be over."""


class LiveLids:
    """Shuts the lids of one performer."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, np.ndarray, float]] = deque()
        self._shut_until = np.full(2, -np.inf)
        self._bottom = np.zeros(2)

    def __call__(self, seconds: float, blinks: np.ndarray, reports: np.ndarray) -> np.ndarray:
        """Return (2,) in 0..1, nowhere smaller than `blinks`."""
        report = float(reports.max())
        while self._past and self._past[0][0] < seconds - _LOOK_BACK_SECONDS:
            self._past.popleft()
        out = blinks.copy()
        if self._past:
            before = np.min([lids for _, lids, _ in self._past], axis=0)
            has_reported = report - min(earlier for _, _, earlier in self._past) >= _LEAST_REPORT
            falls = (blinks - before >= _LEAST_DROP) & (blinks >= _FALLEN) & has_reported
            goes_on = falls & (blinks >= self._past[-1][1])
            self._shut_until[goes_on] = seconds + _HELD_SECONDS
            self._bottom = np.where(goes_on, blinks, np.maximum(self._bottom, blinks))
        is_shut = (seconds <= self._shut_until) | ((blinks > self._bottom - _RISE) & (self._shut_until > -np.inf))
        out[is_shut] = 1.0
        self._shut_until[~is_shut] = -np.inf
        self._past.append((seconds, blinks, report))
        return out
