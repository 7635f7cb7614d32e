"""Which hand is whose, and what of the face a hand covers.

In: hands as a tracker finds them, unordered, with a guess of their side. Out: (2, 21, 3), the performer's left first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np

from perfkit.capture.protocol import NUM_HAND_POINTS
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS, POSE_INDEX

_WRISTS = [POSE_INDEX["left_wrist"], POSE_INDEX["right_wrist"]]
_FAR = 3.0
"""Distances count in hand sizes, up to this many."""
_SECONDS_REMEMBERED = 0.5
_STRANGE = 1.5
"""A hand this far from where that side's was before may as well be one that was not there before."""
_WRIST_WEIGHT, _MEMORY_WEIGHT, _LABEL_WEIGHT = 2.0, 2.0, 1.0


@dataclass(frozen=True, eq=False)
class FoundHand:
    """One hand.

    Attributes:
        points: (21, 3) float32, px; [0] is the wrist.
        is_left: The tracker's guess: the performer's left hand.
        score: How sure that guess is, 0..1.
    """

    points: np.ndarray
    is_left: bool
    score: float


class HandSides:
    """Keeps the left hand the left: by the pose's wrists, where each hand was before, and the tracker's guess."""

    def __init__(self) -> None:
        self._last_points: list[np.ndarray | None] = [None, None]
        self._last_seconds = [0.0, 0.0]

    def sort(self, hands: Sequence[FoundHand], body: np.ndarray, seconds: float) -> np.ndarray:
        """Return the hands of one frame (2, 21, 3) px, the performer's left first; NaN = not seen.

        Args:
            hands: At most two.
            body: (33, 4) pose points of the frame, NaN without a pose.
            seconds: Time of the frame.
        """
        out = np.full((2, NUM_HAND_POINTS, 3), np.nan, np.float32)
        hands = sorted(hands, key=lambda hand: -hand.score)[:2]
        if not hands:
            return out
        costs = [[self._cost(hand, side, body, seconds) for side in (0, 1)] for hand in hands]
        sides = min(permutations((0, 1), len(hands)), key=lambda order: sum(map(lambda c, s: c[s], costs, order)))
        for hand, side in zip(hands, sides, strict=True):
            out[side] = hand.points
            self._last_points[side], self._last_seconds[side] = hand.points, seconds
        return out

    def _cost(self, hand: FoundHand, side: int, body: np.ndarray, seconds: float) -> float:
        size = max(float(np.linalg.norm(hand.points[9, :2] - hand.points[0, :2])), 1.0)
        cost = _LABEL_WEIGHT * hand.score * float(hand.is_left != (side == 0))
        wrist = body[_WRISTS[side]]
        if np.isfinite(wrist).all():
            distance = float(np.linalg.norm(wrist[:2] - hand.points[0, :2])) / size
            cost += _WRIST_WEIGHT * float(wrist[3]) * min(distance, _FAR)
        return cost + _MEMORY_WEIGHT * self._strangeness(hand, side, size, seconds)

    def _strangeness(self, hand: FoundHand, side: int, size: float, seconds: float) -> float:
        last = self._last_points[side]
        if last is None or seconds - self._last_seconds[side] > _SECONDS_REMEMBERED:
            return _STRANGE
        return min(float(np.linalg.norm(last[0, :2] - hand.points[0, :2])) / size, _STRANGE)


def covered_share(face_contours: np.ndarray, hands: np.ndarray) -> float:
    """Return which share of the eyes, brows, nose and mouth lies under a hand, 0..1.

    Args:
        face_contours: (K, 2) px, rows as `vocabulary.CONTOUR_INDICES`.
        hands: (2, 21, 3) px, NaN = not seen.
    """
    is_inner = np.ones(NUM_CONTOUR_POINTS, bool)
    is_inner[CONTOUR_SLICES["face_oval"]] = False
    inner = face_contours[is_inner].astype(np.float32)
    is_covered = np.zeros(len(inner), bool)
    for hand in hands:
        if np.isfinite(hand).all():
            hull = cv2.convexHull(np.ascontiguousarray(hand[:, :2], np.float32))
            is_covered |= [cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in inner]
    return float(is_covered.mean())
