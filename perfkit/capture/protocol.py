"""What a tracker is: one call per frame, in order. Implementations: `mediapipe` (pixels), `replay` (a saved track).

In: upright RGB frames with their times. Out: one `Observation` a frame.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from perfkit.track import FrameFlag
from perfkit.vocabulary import BLENDSHAPES, POSE_POINTS

NUM_FACE_POINTS = 478
NUM_HAND_POINTS = 21


@dataclass(frozen=True, eq=False)
class Observation:
    """What was seen in one frame, in px of the upright frame; NaN = not seen.

    Attributes:
        face: (478, 3) float32, px.
        blendshapes: (52,) float32 in 0..1, as `vocabulary.BLENDSHAPES`.
        camera_from_head: (4, 4) float32, cm; x right, y up, z to the camera.
        face_confidence: 0..1; 0 = no face.
        body: (33, 4) float32: x, y, z px and visibility 0..1.
        hands: (2, 21, 3) float32, px; [0] is the performer's left hand.
        flags: Why the values are what they are.
    """

    face: np.ndarray
    blendshapes: np.ndarray
    camera_from_head: np.ndarray
    face_confidence: float
    body: np.ndarray
    hands: np.ndarray
    flags: FrameFlag

    @property
    def has_face(self) -> bool:
        """Whether a face was seen."""
        return self.face_confidence > 0


def make_empty_observation() -> Observation:
    """Return the observation of a frame in which nothing was seen."""
    return Observation(
        face=np.full((NUM_FACE_POINTS, 3), np.nan, np.float32),
        blendshapes=np.full(len(BLENDSHAPES), np.nan, np.float32),
        camera_from_head=np.full((4, 4), np.nan, np.float32),
        face_confidence=0.0,
        body=np.full((len(POSE_POINTS), 4), np.nan, np.float32),
        hands=np.full((2, NUM_HAND_POINTS, 3), np.nan, np.float32),
        flags=FrameFlag.FACE_LOST,
    )


class Tracker(Protocol):
    """Sees one performer in a sequence of frames. Holds state: one instance per take, frames in order."""

    @property
    def versions(self) -> dict[str, str]:
        """Name -> "version sha256" of every tracker that runs."""

    def track(self, image_rgb: np.ndarray, seconds: float) -> Observation:
        """Return what is seen in the next frame.

        Args:
            image_rgb: (H, W, 3) uint8, upright, contiguous.
            seconds: Time of the frame, larger than the frame's before.
        """

    def close(self) -> None:
        """Let go of the tracker's resources; the instance is of no use afterwards."""
