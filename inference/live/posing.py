"""A performer who holds still for their neutral face: a count-down, then two seconds of frames."""

import time
from typing import Any

from perfkit.capture.protocol import Observation
from perfkit.inference.live.acting import Acted

COUNT_SECONDS, TAKE_SECONDS = 3.0, 2.0


class NeutralTaker:
    """Gathers the frames in which the performer looks neutral.

    Attributes:
        seen: (seconds, observation) of them.
        size_wh: Of the pictures that they were seen in, px.
    """

    def __init__(self, now_seconds: float) -> None:
        self.seen: list[tuple[float, Observation]] = []
        self.size_wh = (0, 0)
        self._begin = now_seconds + COUNT_SECONDS

    def see(self, acted: Acted) -> bool:
        """Take a frame; return whether it is over."""
        now = time.monotonic()
        if now < self._begin:
            return False
        assert acted.frame.image_rgb is not None
        height, width = acted.frame.image_rgb.shape[:2]
        self.size_wh = (width, height)
        if not self.seen or acted.frame.seconds > self.seen[-1][0]:
            self.seen.append((acted.frame.seconds, acted.observation))
        return now >= self._begin + TAKE_SECONDS

    def describe(self, now_seconds: float) -> dict[str, Any]:
        """Return what the page shows: seconds to go until it begins, then how far it is."""
        until = self._begin - now_seconds
        return {"count": max(0, int(until) + 1) if until > 0 else 0, "share": min(1.0, max(0.0, -until / TAKE_SECONDS))}
