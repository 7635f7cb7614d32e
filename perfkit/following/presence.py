"""What is shown while there is no face: hold, ease to neutral, ease back; and the same when a person asks for it.

    seen  |  hold 0.2 s  | ease to neutral |   neutral   | ease back |  seen

In: each frame's channels, or None. Out: channels of every frame, and the state. Causal: how long a gap lasts shows only
at its end, so even a short one is held and not bridged.
"""

from enum import StrEnum

import numpy as np

from perfkit.geometry import smoothstep
from perfkit.smoothing import EASE_SECONDS, HOLD_SECONDS


class State(StrEnum):
    """Where the channels of a frame come from."""

    SEEN = "seen"
    HELD = "held"
    NEUTRAL = "neutral"
    RETURNING = "returning"


class Presence:
    """Gives every frame a value; one per set of channels.

    Args:
        neutral: (C,) what to ease to.
        ease_seconds: How long the ways to neutral and back take.
    """

    def __init__(self, neutral: np.ndarray, *, ease_seconds: float = EASE_SECONDS) -> None:
        self.neutral = neutral
        self.state = State.NEUTRAL
        self._ease_seconds = ease_seconds
        self._shown = neutral
        self._left = neutral
        self._turned_seconds = -np.inf

    def __call__(self, seconds: float, channels: np.ndarray | None) -> np.ndarray:
        """Return what to show at `seconds`; `channels` is None while nothing is seen."""
        if channels is None:
            return self._leave(seconds)
        if self.state in (State.HELD, State.NEUTRAL):
            self._turn(State.RETURNING, seconds)
        share = self._share(seconds - self._turned_seconds)
        if share >= 1:
            self.state = State.SEEN
        self._shown = channels if self.state is State.SEEN else self._left + share * (channels - self._left)
        return self._shown

    def _leave(self, seconds: float) -> np.ndarray:
        if self.state in (State.SEEN, State.RETURNING):
            self._turn(State.HELD, seconds)
        share = self._share(seconds - self._turned_seconds - HOLD_SECONDS)
        if share >= 1:
            self.state = State.NEUTRAL
        self._shown = self._left + share * (self.neutral - self._left)
        return self._shown

    def _turn(self, state: State, seconds: float) -> None:
        self.state, self._left, self._turned_seconds = state, self._shown, seconds

    def _share(self, elapsed: float) -> float:
        return float(smoothstep(0.0, self._ease_seconds, np.array(elapsed)))
