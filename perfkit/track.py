"""What the performer did and what the character does: two separate types, so that a track cannot be drawn un-retargeted.

In: arrays from capture or retarget. Out: frozen dataclasses, frames first. `PerformanceTrack` has a file format (.perf).
"""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np

from perfkit.times import FrameTimes


class FrameFlag(IntFlag):
    """Why a frame's values are what they are; the flags of a frame add up."""

    FACE_HELD = 1
    FACE_INTERPOLATED = 2
    FACE_EASED_TO_NEUTRAL = 4
    FACE_FROM_CROP = 8
    FACE_LOST = 16


@dataclass(frozen=True, eq=False)
class PerformanceTrack:
    """What the performer did, in pixels of the displayed take (after rotation and mirror). NaN = not seen.

    Attributes:
        times: T frame times.
        size_wh: Displayed size of the take, px.
        face: (T, 478, 3) float32, px; z in the same scale, smaller = nearer the camera, as MediaPipe gives it.
        blendshapes: (T, 52) float32 in 0..1, columns as `vocabulary.BLENDSHAPES`.
        camera_from_head: (T, 4, 4) float32, MediaPipe's facial transformation (cm; x right, y up, z to the camera).
        body: (T, 33, 4) float32: x, y, z px and visibility 0..1.
        hands: (T, 2, 21, 3) float32, px; [:, 0] is the performer's left hand.
        face_confidence: (T,) float32 in 0..1; 0 = no face in this frame.
        flags: (T,) uint8 of FrameFlag.
        take_digest: SHA-256 of the take's bytes, hex.
        trackers: name -> "version sha256" of every tracker that ran.
    """

    times: FrameTimes
    size_wh: tuple[int, int]
    face: np.ndarray
    blendshapes: np.ndarray
    camera_from_head: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    face_confidence: np.ndarray
    flags: np.ndarray
    take_digest: str
    trackers: dict[str, str]

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, eq=False)
class CharacterTrack:
    """What the character does, in pixels of its own canvas.

    Attributes:
        times: T frame times, equal to the take's.
        canvas_wh: The character's canvas, px.
        weights: (T, 52) float32 in 0..1: calibrated expression, columns as `vocabulary.BLENDSHAPES`.
        head: (T, 6) float32, columns as `vocabulary.HEAD_CHANNELS`.
        face: (T, K, 2) float32, px: contour points, rows as `vocabulary.CONTOUR_INDICES`.
        face_visibility: (T, K) float32 in 0..1; 0 for absent parts and for points turned away.
        body: (T, 33, 3) float32: x, y px and visibility 0..1; NaN = not drawn.
        hands: (T, 2, 21, 2) float32, px; NaN = not drawn; [:, 0] is the performer's left hand.
        flags: (T,) uint8 of FrameFlag.
        rig_digest: Digest of the rig that the track was made for.
    """

    times: FrameTimes
    canvas_wh: tuple[int, int]
    weights: np.ndarray
    head: np.ndarray
    face: np.ndarray
    face_visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    flags: np.ndarray
    rig_digest: str

    def __len__(self) -> int:
        return len(self.times)
