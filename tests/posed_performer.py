"""Performers who hold a pose that a hand can calculate, as tracks and as cleaned performances."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
from synthetic_performer import perform

from perfkit.export.performance import Performance
from perfkit.export.skeleton import HIPS_CM, pose_joints
from perfkit.geometry import picture_rotation_from_camera
from perfkit.proportions import HUMAN_RIG
from perfkit.rig import BODY_BONES, rotation_from_head
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, POSE_INDEX

T_POSE: Mapping[str, tuple[float, float, float]] = {"shoulders": (1, 0, 0), "spine": (0, -1, 0)} | {
    bone: (1, 0, 0) if bone.startswith("left") else (-1, 0, 0) for bone in BODY_BONES[2:]
}
"""Bone -> direction in the skeleton's axes: x to the performer's left, y up, z ahead."""
UP = (0, 1, 0)
LEFT_ARM = tuple(bone for bone in BODY_BONES if bone.startswith("left"))


def make_limbs(**directions: tuple[float, float, float]) -> np.ndarray:
    """Return (12, 3) limb directions: a T-pose but for the bones named."""
    return np.array([(dict(T_POSE) | directions)[bone] for bone in BODY_BONES], dtype=np.float64)


def make_times(num_frames: int, rate_fps: Fraction = Fraction(30)) -> FrameTimes:
    """Return an even row of frames."""
    return FrameTimes(np.arange(num_frames, dtype=np.int64), 1 / rate_fps)


def make_weights(num_frames: int, **weights: float) -> np.ndarray:
    """Return (T, 52) weights: 0 but for the names given."""
    out = np.zeros((num_frames, len(BLENDSHAPES)))
    for name, weight in weights.items():
        out[:, BLENDSHAPE_INDEX[name]] = weight
    return out


def hold_pose(
    *,
    head_deg: tuple[float, float, float] = (0, 0, 0),
    limbs: np.ndarray | None = None,
    weights: dict[str, float] | None = None,
    times: FrameTimes | None = None,
) -> Performance:
    """Return a performance of one pose in every frame: head_deg is yaw, pitch, roll as `vocabulary.HEAD_CHANNELS`."""
    times = times or make_times(4)
    head = np.tile(np.array(head_deg, dtype=np.float64), (len(times), 1))
    turned = picture_rotation_from_camera(rotation_from_head(head))
    return Performance(
        times=times,
        weights=make_weights(len(times), **(weights or {})),
        head_deg=head,
        joints=pose_joints(turned, np.tile(make_limbs() if limbs is None else limbs, (len(times), 1, 1))),
        hips_cm=np.tile(HIPS_CM, (len(times), 1)),
        face_seen=np.ones(len(times), dtype=bool),
    )


def move(times: FrameTimes, seed: int = 0) -> Performance:
    """Return a performance in which everything moves, smoothly and never twice the same."""
    rng = np.random.default_rng(seed)
    seconds = (times.pts - times.pts[0]) * float(times.time_base)

    def wave(*shape: int) -> np.ndarray:
        phase, rate = rng.uniform(0, 6.28, shape), rng.uniform(0.5, 2.0, shape)
        return np.sin(phase + rate * seconds.reshape(-1, *[1] * len(shape)))

    head = wave(3) * np.array([40.0, 25.0, 20.0])
    limbs = make_limbs() + 0.8 * wave(len(BODY_BONES), 3)
    limbs[:, :2] = make_limbs()[:2] + 0.2 * wave(2, 3)
    return Performance(
        times=times,
        weights=0.5 + 0.5 * wave(len(BLENDSHAPES)),
        head_deg=head,
        joints=pose_joints(picture_rotation_from_camera(rotation_from_head(head)), limbs),
        hips_cm=HIPS_CM + 10 * wave(3),
        face_seen=rng.uniform(size=len(times)) > 0.3,
    )


def act_pose(num_frames: int = 24, *, head_deg: tuple[float, float, float] = (0, 0, 0)) -> PerformanceTrack:
    """Return a track, 24 frames/s: the head turns to a pose in the second quarter and stays; arms hang."""
    weights, head = np.zeros((num_frames, len(BLENDSHAPES))), np.zeros((num_frames, 6))
    share = np.clip(np.arange(num_frames) / num_frames * 4 - 1, 0, 1)
    head[:, :3] = share[:, None] * np.array(head_deg)
    head[:, 3:] = 320, 120, 60
    return perform(HUMAN_RIG, weights, head)


def place_points(track: PerformanceTrack, **points: tuple[float, float, float]) -> PerformanceTrack:
    """Return the track with body points moved, in every frame: x, y, z px from where the left shoulder is."""
    body = track.body.copy()
    anchor = body[:, POSE_INDEX["left_shoulder"], :3].copy()
    for name, offset in points.items():
        body[:, POSE_INDEX[name], :3] = anchor + np.array(offset, dtype=np.float32)
        body[:, POSE_INDEX[name], 3] = 1.0
    return replace(track, body=body)
