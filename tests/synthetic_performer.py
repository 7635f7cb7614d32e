"""A performer whose every motion is known: a rig acts, and is written down as capture would have seen it."""

from dataclasses import fields, replace
from fractions import Fraction

import numpy as np

from perfkit.capture.protocol import Observation, make_empty_observation
from perfkit.geometry import picture_rotation_from_camera
from perfkit.proportions import Rig
from perfkit.rig import face_points, pose_body, rest_limbs, rotation_from_head
from perfkit.times import FrameTimes
from perfkit.track import FrameFlag, PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_INDICES

TAKE_WH = (640, 360)
NUM_FRAMES = 240
CHIBI = Rig(
    face_width=0.95, jaw=1.2, eye_x=0.42, eye_y=0.12, eye_width=0.5, eye_height=0.52, eye_roundness=1.0, iris_size=0.8,
    brow_y=0.2, brow_width=0.4, nose_y=0.42, nose_width=0.12, mouth_y=0.66, mouth_width=0.24, mouth_gain=0.12,
    mouth_open=0.28,
)  # fmt: skip


def act(num_frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (T, 52) and head channels (T, 6) of a lively take at 24 frames/s: talk, smiles, brows, blinks."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(num_frames) / 24
    weights = np.zeros((num_frames, len(BLENDSHAPES)))

    def wave(rate_hz: float, floor: float) -> np.ndarray:
        return np.clip((np.sin(2 * np.pi * (rate_hz * seconds + rng.uniform())) - floor) / (1 - floor), 0, 1)

    both = {"mouthSmile": (0.15, 0.3, 0.8), "browDown": (0.12, 0.5, 0.6), "browOuterUp": (0.1, 0.5, 0.7)}
    for name, (rate_hz, floor, most) in both.items():
        motion = most * wave(rate_hz, floor)
        for side in ("Left", "Right"):
            weights[:, BLENDSHAPE_INDEX[name + side]] = motion
    weights[:, BLENDSHAPE_INDEX["browInnerUp"]] = 0.7 * wave(0.13, 0.4)
    weights[:, BLENDSHAPE_INDEX["jawOpen"]] = 0.6 * wave(1.1, 0.2) * wave(0.2, -0.2)
    for start in range(10, num_frames - 4, 37):
        for side in ("Left", "Right"):
            weights[start : start + 3, BLENDSHAPE_INDEX[f"eyeBlink{side}"]] = 1.0
    head = np.zeros((num_frames, 6))
    head[:, 0] = 14 * np.sin(2 * np.pi * 0.2 * seconds)
    head[:, 1] = 7 * np.sin(2 * np.pi * 0.17 * seconds + 1)
    head[:, 2] = 9 * np.sin(2 * np.pi * 0.11 * seconds + 2)
    head[:, 3:5] = np.array([330, 170]) + 12 * np.sin(2 * np.pi * 0.1 * seconds)[:, None]
    head[:, 5] = 80
    return weights, head


def perform(rig: Rig, weights: np.ndarray, head: np.ndarray, *, pts: np.ndarray | None = None) -> PerformanceTrack:
    """Write down a rig's performance as capture would: 24 frames/s unless `pts` (in 1/24000 s) says otherwise."""
    num_frames = len(weights)
    pts = np.arange(num_frames, dtype=np.int64) * 1000 if pts is None else pts
    rotation = rotation_from_head(head)
    turned = face_points(rig, weights).astype(np.float64) @ np.swapaxes(rotation, -1, -2)
    face = np.tile(head[:, None, 3:5], (1, 478, 1))
    face = np.concatenate([face, np.zeros((num_frames, 478, 1))], axis=2)
    face[:, CONTOUR_INDICES, :2] = head[:, None, 3:5] + head[:, None, 5:6] * turned[..., :2]
    face[:, CONTOUR_INDICES, 2] = -head[:, 5:6] * turned[..., 2]
    matrix = np.tile(np.eye(4), (num_frames, 1, 1))
    matrix[:, :3, :3] = picture_rotation_from_camera(rotation)
    body = pose_body(rig, np.tile(rest_limbs(), (num_frames, 1, 1)), head)
    body = np.stack([body[..., 0], body[..., 1], np.zeros_like(body[..., 0]), body[..., 2]], axis=-1)
    return PerformanceTrack(
        times=FrameTimes(pts, Fraction(1, 24000)),
        size_wh=TAKE_WH,
        face=face.astype(np.float32),
        blendshapes=np.clip(0.03 + 0.9 * weights, 0, 1).astype(np.float32),
        camera_from_head=matrix.astype(np.float32),
        body=np.nan_to_num(body).astype(np.float32),
        hands=np.full((num_frames, 2, 21, 3), np.nan, dtype=np.float32),
        face_confidence=np.ones(num_frames, dtype=np.float32),
        flags=np.zeros(num_frames, dtype=np.uint8),
        take_digest="0" * 64,
        trackers={},
    )


def lose_face(track: PerformanceTrack, frames: slice) -> PerformanceTrack:
    """Return the take with no face in some frames."""
    names = ("face", "blendshapes", "camera_from_head", "face_confidence")
    arrays = {name: getattr(track, name).copy() for name in names}
    for name in names[:3]:
        arrays[name][frames] = np.nan
    arrays["face_confidence"][frames] = 0
    return replace(track, **arrays)


def cut(track: PerformanceTrack, frames: slice) -> PerformanceTrack:
    """Return some frames of a take, with their own times."""
    arrays = {field.name: getattr(track, field.name) for field in fields(track)}
    arrays = {name: value[frames] for name, value in arrays.items() if isinstance(value, np.ndarray)}
    return replace(track, times=track.times[frames], **arrays)


def observe(track: PerformanceTrack, frame: int) -> Observation:
    """Return one frame as a tracker would have seen it."""
    if not track.face_confidence[frame]:
        return make_empty_observation()
    names = ("face", "blendshapes", "camera_from_head", "body", "hands")
    arrays = {name: getattr(track, name)[frame] for name in names}
    return Observation(**arrays, face_confidence=float(track.face_confidence[frame]), flags=FrameFlag(0))
