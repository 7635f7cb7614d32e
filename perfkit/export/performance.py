"""A performance as other programs take it: expression, joints and place of every frame, without holes and jitter.

In: a PerformanceTrack as captured, the performer at rest. Out: `Performance`. A lost face is bridged when it is back
within 0.4 s; else it holds 0.2 s, eases to neutral, and eases back: as retargeting treats it. Limbs that are not seen
hang. Axes and units are those of `export.skeleton`.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from perfkit.body import SEEN_FROM, measure_body
from perfkit.calibrate import Calibration, fit_calibration
from perfkit.cleaning import clean_weights, head_doubt_deg, seen_mask
from perfkit.export.skeleton import HIPS_CM, JOINT_INDEX, OFFSETS_CM, PARENTS, place_joints, pose_joints
from perfkit.framing import HEAD_NOISE, usual_value
from perfkit.geometry import nearest_rotation, picture_rotation_from_camera, smoothstep
from perfkit.headspace import HeadMotion, measure_head, stand_upright
from perfkit.rig import BODY_BONES, head_angles_from_rotation, rotation_from_head
from perfkit.smoothing import fill_gaps, smooth_offline
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import POSE_INDEX

_TO_SKELETON = np.array([1.0, -1.0, 1.0])
"""Picture axes (x right, y down, z to the camera) to the skeleton's, and back."""
_FLAT_DEG, _DEEP_DEG = 12.0, 30.0
"""Foreshortening up to which a bone is taken to lie in the picture, and from which it is as deep as it looks."""
_SURE_DEPTH = 0.5
"""Difference of depth, head units, from which one end of a bone is surely nearer: the tracker exaggerates depth."""
_LIMB_EASE_SECONDS = 0.8
_PLACE_NOISE_CM = ((0.02, 0.4), (0.02, 0.4), (0.05, 1.0))
_SIZE_NOISE_PX, _STEP_CM = 0.5, (2.0, 8.0)
"""Noise of a face's height, and what it may make of the distance: from the second on, the distance is left alone."""
_JITTER_SHARE = 0.05
"""How far a frame may be from its place in an even row, as a share of the frame's length, for a steady rate."""


@dataclass(frozen=True, eq=False)
class Performance:
    """What a performer did, cleaned: T frames.

    Attributes:
        times: Frame times.
        weights: (T, 52) float64 in 0..1, columns as `vocabulary.BLENDSHAPES`; 0 = the performer at rest.
        head_deg: (T, 3) float64: yaw, pitch, roll, signs as `vocabulary.HEAD_CHANNELS`; 0 looks into the camera.
        joints: (T, 13, 3, 3) float64, local rotations, rows as `skeleton.JOINTS`.
        hips_cm: (T, 3) float64: where the hips are, so that the head moves about as the performer's did.
        face_seen: (T,) bool.
    """

    times: FrameTimes
    weights: np.ndarray
    head_deg: np.ndarray
    joints: np.ndarray
    hips_cm: np.ndarray
    face_seen: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> np.ndarray:
        """(T,) float64 seconds since the first frame."""
        return (self.times.pts - self.times.pts[0]) * float(self.times.time_base)

    @property
    def head_rotation(self) -> np.ndarray:
        """(T, 3, 3) float64, the head's rotation in the skeleton's axes."""
        return picture_rotation_from_camera(rotation_from_head(self.head_deg))


def clean_performance(track: PerformanceTrack, calibration: Calibration | None = None) -> Performance:
    """Read a performance off a track.

    Args:
        track: As captured.
        calibration: The performer at rest; fitted from this take when not given.

    Raises:
        CalibrationError: No calibration was given and too few frames hold a face.
    """
    upright = stand_upright(track)
    calibration = calibration or fit_calibration(upright)
    motion = measure_head(upright, calibration.neutral.astype(np.float64))
    weights, _ = clean_weights(upright, motion, calibration)
    head_deg = _clean_head(upright, motion)
    joints = pose_joints(picture_rotation_from_camera(rotation_from_head(head_deg)), _clean_limbs(upright, motion))
    return Performance(
        times=track.times,
        weights=weights.astype(np.float64),
        head_deg=head_deg,
        joints=joints,
        hips_cm=_hips_under_head(joints, _clean_place(track, upright, motion)),
        face_seen=seen_mask(upright, motion),
    )


def resample(performance: Performance, rate_fps: Fraction) -> Performance:
    """Return the performance at an even rate from its first frame on: what lies between two frames is interpolated."""
    seconds = performance.seconds
    num_frames = int(seconds[-1] * rate_fps + 1e-6) + 1
    wanted = np.arange(num_frames) / float(rate_fps)
    after = np.clip(np.searchsorted(seconds, wanted, side="right"), 1, max(1, len(seconds) - 1))
    before = after - 1
    after = np.minimum(after, len(seconds) - 1)
    gap = np.maximum(seconds[after] - seconds[before], 1e-12)
    share = np.clip((wanted - seconds[before]) / gap, 0.0, 1.0)

    def between(values: np.ndarray) -> np.ndarray:
        weight = share.reshape(-1, *[1] * (values.ndim - 1))
        return (1.0 - weight) * values[before] + weight * values[after]

    return Performance(
        times=FrameTimes(np.arange(num_frames, dtype=np.int64), 1 / rate_fps),
        weights=between(performance.weights),
        head_deg=between(performance.head_deg),
        joints=nearest_rotation(between(performance.joints)),
        hips_cm=between(performance.hips_cm),
        face_seen=performance.face_seen[np.where(share < 0.5, before, after)],
    )


def has_steady_rate(times: FrameTimes) -> bool:
    """Return whether every frame is where an even rate would put it, but for the time base's rounding."""
    if len(times) < 3:
        return True
    even = np.linspace(times.pts[0], times.pts[-1], len(times))
    frame = (times.pts[-1] - times.pts[0]) / (len(times) - 1)
    return bool(np.abs(times.pts - even).max() <= max(1.0, _JITTER_SHARE * frame))


def _clean_head(track: PerformanceTrack, motion: HeadMotion) -> np.ndarray:
    """Return (T, 3) yaw, pitch, roll, degrees."""
    angles = np.zeros((len(track), 3))
    seen = seen_mask(track, motion)
    if len(motion.frames):
        angles[seen] = np.unwrap(head_angles_from_rotation(motion.rotation), period=360.0, axis=0)
    seconds = track.times.seconds
    angles, _ = fill_gaps(seconds, angles, seen, np.zeros(3))
    low, high = np.array(HEAD_NOISE[:3]).T
    doubt = np.tile(head_doubt_deg(track)[:, None], 3)
    return smooth_offline(seconds, angles, reach_seconds=0.12, noise_limits=(low, high), doubt=doubt)


def _clean_limbs(track: PerformanceTrack, motion: HeadMotion) -> np.ndarray:
    """Return (T, 12, 3) directions, rows as `rig.BODY_BONES`, in the skeleton's axes.

    In the picture they are what the cleaned body says; how far a bone that looks short points out of the picture
    follows from its length, and the pose's depth says only which of its ends is nearer.
    """
    frames = np.arange(len(track))
    center_px, scale_px = np.zeros((len(track), 2)), np.ones(len(track))
    if len(motion.frames):
        center_px = np.stack([np.interp(frames, motion.frames, motion.center_px[:, axis]) for axis in range(2)], axis=1)
        scale_px = np.interp(frames, motion.frames, motion.scale_px)
    flat = measure_body(track, center_px=center_px, scale_px=scale_px).limbs
    return point_limbs(flat, _nearer_ends(track, scale_px))


def point_limbs(flat: np.ndarray, nearer: np.ndarray) -> np.ndarray:
    """Let limbs that look short point out of the picture.

    Args:
        flat: (..., 12, 3) directions in the picture, as of `BodyMotion.limbs`.
        nearer: (..., 12) in -1..1, 1 where a bone's far end is nearer the camera.

    Returns:
        (..., 12, 3) directions in the skeleton's axes.
    """
    length = np.linalg.norm(flat[..., :2], axis=-1)
    angle_deg = np.rad2deg(np.arccos(np.clip(length, 0.0, 1.0)))
    angle = np.deg2rad(angle_deg * smoothstep(_FLAT_DEG, _DEEP_DEG, angle_deg))
    across = flat[..., :2] / np.maximum(length, 1e-6)[..., None] * np.cos(angle)[..., None]
    depth = np.sin(angle) * nearer
    return np.concatenate([across, depth[..., None]], axis=-1) * _TO_SKELETON


def _nearer_ends(track: PerformanceTrack, scale_px: np.ndarray) -> np.ndarray:
    """Return (T, 12) in -1..1: 1 where a bone's far end is nearer the camera; arms that are not seen reach forward."""
    body, seconds = track.body.astype(np.float64), track.times.seconds
    believed = np.isfinite(body).all(axis=2) & (body[..., 3] >= SEEN_FROM)
    out = np.zeros((len(track), len(BODY_BONES)))
    for row, bone in enumerate(BODY_BONES):
        if bone == "spine":
            continue
        start, end = (POSE_INDEX[name] for name in _ends_of(bone))
        seen = believed[:, start] & believed[:, end]
        nearer = np.clip(np.nan_to_num(body[:, start, 2] - body[:, end, 2]) / (_SURE_DEPTH * scale_px), -1.0, 1.0)
        usual = np.array([0.0 if bone == "shoulders" else 1.0])
        filled, _ = fill_gaps(seconds, nearer[:, None], seen, usual, ease_seconds=_LIMB_EASE_SECONDS)
        out[:, row] = smooth_offline(seconds, filled, reach_seconds=0.12, noise_limits=(0.05, 0.3))[:, 0]
    return out


def _ends_of(bone: str) -> tuple[str, str]:
    if bone == "shoulders":
        return "right_shoulder", "left_shoulder"
    side, part = bone.split("_", 1)
    start, end = {"upper_arm": ("shoulder", "elbow"), "forearm": ("elbow", "wrist")}.get(part, ("wrist", part))
    return f"{side}_{start}", f"{side}_{end}"


def _clean_place(track: PerformanceTrack, upright: PerformanceTrack, motion: HeadMotion) -> np.ndarray:
    """Return (T, 3) cm: how far the head is from where it usually is."""
    place = np.zeros((len(track), 3))
    seen = seen_mask(track, motion)
    if len(motion.frames):
        first = motion.frames[0]
        matrices = track.camera_from_head.astype(np.float64)
        upright_from_camera = upright.camera_from_head[first, :3, :3] @ matrices[first, :3, :3].T
        seen_cm = matrices[motion.frames, :3, 3] @ upright_from_camera.T
        place[seen] = seen_cm - usual_value(seen_cm)
        place[:, 2] *= _depth_trust(seen_cm, motion)
    seconds = track.times.seconds
    place, _ = fill_gaps(seconds, place, seen, np.zeros(3))
    return smooth_offline(seconds, place, noise_limits=tuple(np.array(_PLACE_NOISE_CM).T))


def _depth_trust(seen_cm: np.ndarray, motion: HeadMotion) -> float:
    """Return 1 where a head's distance shows in its size, 0 where half a pixel of its size already is a step."""
    height_px = 2.0 * float(np.median(motion.scale_px))
    step_cm = float(np.median(np.abs(seen_cm[:, 2]))) * _SIZE_NOISE_PX / max(height_px, 1.0)
    return 1.0 - float(smoothstep(*_STEP_CM, np.array(step_cm)))


def _hips_under_head(joints: np.ndarray, head_cm: np.ndarray) -> np.ndarray:
    """Return (T, 3) cm: the hips' place that brings the head `head_cm` from where it is at rest."""
    _, places = place_joints(joints, np.zeros((len(joints), 3)))
    rest, row = np.zeros(3), JOINT_INDEX["Head"]
    while row > 0:
        rest, row = rest + OFFSETS_CM[row], PARENTS[row]
    return HIPS_CM + head_cm + rest - places[:, JOINT_INDEX["Head"]]
