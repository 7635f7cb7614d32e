"""The performer's body while they perform: looked at a few times a second, carried smoothly in between.

In: now and then an observation of body and hands, with where the head is. Out: a one-frame BodyMotion at any time. The
last ten seconds of looks are measured as a whole, by the same measures as a take's.
"""

from collections import deque
from dataclasses import replace

import numpy as np

from perfkit.body import BodyMotion, measure_body
from perfkit.capture.protocol import Observation
from perfkit.capture.recording import track_from_observations
from perfkit.rig import BODY_BONES, rest_limbs

_SPAN_SECONDS = 10.0
_MAX_LOOKS = 120
_SETTLE_SECONDS = 0.1


class BodyFollower:
    """Follows one body. `measure` may run in another thread than `follow`.

    Attributes:
        goal: What `measure` returned last: where the body goes.
    """

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Observation, np.ndarray, float]] = deque(maxlen=_MAX_LOOKS)
        self.goal = self._shown = _pack(_resting())
        self._seconds: float | None = None

    def measure(self, seconds: float, seen: Observation, center_px: np.ndarray, scale_px: float) -> np.ndarray:
        """Return the goal after one look at body and hands; the head is at `center_px`, `scale_px` px a head unit."""
        while self._looks and self._looks[0][0] < seconds - _SPAN_SECONDS:
            self._looks.popleft()
        self._looks.append((seconds, seen, center_px, scale_px))
        track = track_from_observations([(at, observation) for at, observation, _, _ in self._looks], (0, 0))
        centers = np.stack([center for _, _, center, _ in self._looks])
        scales = np.array([scale for _, _, _, scale in self._looks])
        return _pack(measure_body(track, center_px=centers, scale_px=scales))

    def follow(self, seconds: float) -> BodyMotion:
        """Return the body at a moment, T = 1."""
        step = 0.0 if self._seconds is None else max(0.0, seconds - self._seconds)
        self._seconds = seconds
        self._shown = self._shown + (1 - np.exp(-step / _SETTLE_SECONDS)) * (self.goal - self._shown)
        return _unpack(self._shown)


def _resting() -> BodyMotion:
    return BodyMotion(
        limbs=rest_limbs()[None].astype(np.float64),
        neck_offset=np.zeros((1, 2)),
        hand_at=np.zeros((1, 2, 2)),
        hand_near=np.zeros((1, 2)),
    )


def _pack(body: BodyMotion) -> np.ndarray:
    """Return the last frame as one row of numbers."""
    return np.concatenate([part[-1].ravel() for part in (body.limbs, body.neck_offset, body.hand_at, body.hand_near)])


def _unpack(row: np.ndarray) -> BodyMotion:
    num_limbs = 3 * len(BODY_BONES)
    limbs, neck, hand_at, near = np.split(row, [num_limbs, num_limbs + 2, num_limbs + 6])
    return replace(
        _resting(),
        limbs=limbs.reshape(1, -1, 3),
        neck_offset=neck[None],
        hand_at=hand_at.reshape(1, 2, 2),
        hand_near=near[None],
    )
