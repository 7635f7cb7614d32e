"""How much work a frame gets: levels from lightest to best, and the choice among them that keeps the camera's rate.

In: how long the two busy threads take, and how far apart the camera's pictures are. Out: a level.
"""

from dataclasses import dataclass

AUTO = "auto"


@dataclass(frozen=True)
class Quality:
    """One level.

    Attributes:
        name: What the page shows.
        steps: Network evaluations a frame.
        looks_per_second: How often body and hands are looked at.
    """

    name: str
    steps: int
    looks_per_second: float


LEVELS = (Quality("low", 1, 3.0), Quality("medium", 2, 6.0), Quality("high", 4, 10.0))
QUALITIES = (AUTO, *(level.name for level in LEVELS))
_BUSY, _FREE = 0.92, 0.6
_PATIENCE_SECONDS, _RETRY_SECONDS = 2.0, 30.0


class QualityChooser:
    """Steps down at once when a thread can't keep up, and up again when there is room to spare for a while."""

    def __init__(self) -> None:
        self._level = 0
        self._changed_seconds = 0.0
        self._failed_seconds = [-_RETRY_SECONDS] * len(LEVELS)

    def choose(self, wish: str, seconds: float, *, busy_seconds: float, interval_seconds: float) -> Quality:
        """Return the level for the next frames.

        Args:
            wish: A name of `QUALITIES`.
            seconds: Now.
            busy_seconds: How long the slower of the two threads works on a frame, about.
            interval_seconds: Time between the camera's pictures.
        """
        if wish != AUTO:
            return next(level for level in LEVELS if level.name == wish)
        share = busy_seconds / max(interval_seconds, 1e-3)
        has_waited = seconds - self._changed_seconds > _PATIENCE_SECONDS
        if share > _BUSY and self._level > 0 and has_waited:
            self._failed_seconds[self._level] = seconds
            self._level, self._changed_seconds = self._level - 1, seconds
        elif has_waited and self._may_rise(share, seconds):
            self._level, self._changed_seconds = self._level + 1, seconds
        return LEVELS[self._level]

    def _may_rise(self, share: float, seconds: float) -> bool:
        if self._level + 1 == len(LEVELS) or seconds - self._failed_seconds[self._level + 1] < _RETRY_SECONDS:
            return False
        return share * LEVELS[self._level + 1].steps / LEVELS[self._level].steps < _FREE
