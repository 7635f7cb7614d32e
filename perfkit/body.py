"""The performer's body as limb directions and hand places, free of their own bone lengths.

In: the body and hands of a PerformanceTrack, and where the head is. Out: `BodyMotion`, complete for every frame: limbs
that are not seen hang at rest, and come and go without a jump.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.rig import BODY_BONES, rest_limbs
from perfkit.rows import iterate_parts
from perfkit.smoothing import fill_gaps, smooth_offline
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import POSE_INDEX

SEEN_FROM, SURE_FROM = 0.5, 0.9
"""Visibility of a pose point from which it is believed, and against other evidence."""
_USUAL_LENGTHS = {"upper_arm": 2.7, "forearm": 2.4, "index": 1.0, "pinky": 0.9, "thumb": 0.6}
"""An adult's bones in head units: what a take that never shows a limb stretched out is measured by."""
_USUAL_SHOULDERS = 3.3
_TIPS = {"index": (8, 0.6), "pinky": (20, 0.6), "thumb": (4, 0.7)}
"""Finger tips of the hand tracker, and how far along the way to them the pose's points usually lie."""
_FINGERS = 1.35
"""Where the middle of the fingers is, as a multiple of the way from the wrist to the knuckles."""
_EASE_SECONDS = 0.8
"""How long a limb takes to come from its rest to where it is seen, and back."""
_ARM_REACH_SECONDS, _TRUNK_REACH_SECONDS = 0.12, 0.35
_ARM_NOISE, _TRUNK_NOISE = (0.01, 0.05), (0.05, 0.05)
"""Smoothing of arms, and of the trunk: it is heavy and moves slowly, but the tracker lets shoulders that stand still
wander by some hundredths of the head's height, too slowly to show as noise in second differences."""
_MOST_LEAN = 0.35
"""How far, in head units, the shoulders may move against the head."""
_NEAR_UNITS, _FAR_UNITS = 1.2, 2.0


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """What a performer's body did.

    Attributes:
        limbs: (T, 12, 3) directions, rows as `rig.BODY_BONES`; shorter than 1 where a bone points at the camera.
        neck_offset: (T, 2), the shoulders' middle against the head, head units, about 0.
        hand_at: (T, 2, 2), fingers of the left and right hand from the head's centre, head units.
        hand_near: (T, 2) in 0..1, 1 for a hand at the face.
    """

    limbs: np.ndarray
    neck_offset: np.ndarray
    hand_at: np.ndarray
    hand_near: np.ndarray

    def __getitem__(self, part: slice) -> "BodyMotion":
        """Return some of the frames."""
        return BodyMotion(self.limbs[part], self.neck_offset[part], self.hand_at[part], self.hand_near[part])


def measure_body(track: PerformanceTrack, *, center_px: np.ndarray, scale_px: np.ndarray) -> BodyMotion:
    """Read a body's motion.

    Args:
        track: The performance.
        center_px: (T, 2), the performer's head in every frame.
        scale_px: (T,), px per head unit in every frame.

    Returns:
        BodyMotion of every frame, smoothed.
    """
    points = np.empty((len(track), len(POSE_INDEX), 2))
    for part in iterate_parts(len(track), track.body, track.hands):
        points[part] = _points_with_hands(track.body[part], track.hands[part])
    seconds = track.times.seconds
    rest = rest_limbs()[:, :2].astype(np.float64)
    filled = np.zeros((len(track), len(BODY_BONES), 3))
    for index, bone in enumerate(BODY_BONES):
        limb = _limb(points, bone, scale_px)
        seen = _drop_specks(seconds, np.isfinite(limb).all(axis=1))
        filled[:, index, :2] = _calm(seconds, limb, (seen, rest[index]), is_trunk=bone in ("shoulders", "spine"))
    hand_at, hand_near = _hand_places(points, center_px, scale_px, seconds)
    return BodyMotion(filled, _neck_offset(points, center_px, scale_px, seconds), hand_at, hand_near)


def _points_with_hands(body: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """Return (T, 33, 2) pose points, NaN where not believed; the hand tracker's points replace the pose's.

    Beside one hand that the hand tracker sees, the pose's other hand must be sure of itself: it likes to see one twice.
    """
    points = body[..., :2].astype(np.float64)
    needed = np.full(points.shape[:2], SEEN_FROM)
    hands_seen = np.isfinite(hands).all(axis=(2, 3))
    for index, side in enumerate(("left", "right")):
        rows = [POSE_INDEX[f"{side}_{name}"] for name in ("wrist", "index", "pinky", "thumb")]
        needed[np.ix_(hands_seen[:, 1 - index] & ~hands_seen[:, index], rows)] = SURE_FROM
    points[~(body[..., 3] >= needed)] = np.nan
    for index, side in enumerate(("left", "right")):
        has_hand = hands_seen[:, index]
        hand = hands[has_hand, index, :, :2].astype(np.float64)
        points[has_hand, POSE_INDEX[f"{side}_wrist"]] = hand[:, 0]
        for name, (tip, share) in _TIPS.items():
            points[has_hand, POSE_INDEX[f"{side}_{name}"]] = hand[:, 0] + share * (hand[:, tip] - hand[:, 0])
    return points


def _limb(points: np.ndarray, bone: str, scale_px: np.ndarray) -> np.ndarray:
    """Return (T, 2): one bone's direction, as long as it looks / as long as it is; NaN where an end is not seen."""
    middle = {name: 0.5 * (points[:, POSE_INDEX[f"left_{name}"]] + points[:, POSE_INDEX[f"right_{name}"]])
              for name in ("shoulder", "hip")}  # fmt: skip
    if bone == "spine":
        vector = middle["hip"] - middle["shoulder"]
        return vector / np.linalg.norm(vector, axis=1, keepdims=True)
    if bone == "shoulders":
        vector, usual = (
            points[:, POSE_INDEX["left_shoulder"]] - points[:, POSE_INDEX["right_shoulder"]],
            _USUAL_SHOULDERS,
        )
    else:
        side, part = bone.split("_", 1)
        start, end = {"upper_arm": ("shoulder", "elbow"), "forearm": ("elbow", "wrist")}.get(part, ("wrist", part))
        vector = points[:, POSE_INDEX[f"{side}_{end}"]] - points[:, POSE_INDEX[f"{side}_{start}"]]
        usual = _USUAL_LENGTHS[part]
    length = np.linalg.norm(vector, axis=1)
    units = length[np.isfinite(length)] / scale_px[np.isfinite(length)]
    longest = np.quantile(units, 0.95) if len(units) else usual
    full = longest if bone == "shoulders" else np.clip(longest, 0.7 * usual, 1.5 * usual)
    vector = vector / (full * scale_px)[:, None]
    return vector / np.maximum(1.0, np.linalg.norm(vector, axis=1))[:, None]


def _drop_specks(seconds: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return `seen` without sightings shorter than 0.1 s: a limb that flashes up is a tracker's mistake."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8))).reshape(-1, 2)
    out = seen.copy()
    for start, stop in edges:
        if seconds[stop - 1] - seconds[start] < 0.1 and len(seen) > 3:
            out[start:stop] = False
    return out


def _calm(
    seconds: np.ndarray, channels: np.ndarray, given: tuple[np.ndarray, np.ndarray], *, is_trunk: bool = False
) -> np.ndarray:
    """Fill and smooth channels (T, C); `given`: (T,) where they are seen, and (C,) their rest."""
    filled, _ = fill_gaps(seconds, np.nan_to_num(channels), *given, ease_seconds=_EASE_SECONDS)
    reach_seconds = _TRUNK_REACH_SECONDS if is_trunk else _ARM_REACH_SECONDS
    return smooth_offline(
        seconds, filled, reach_seconds=reach_seconds, noise_limits=_TRUNK_NOISE if is_trunk else _ARM_NOISE
    )


def _neck_offset(points: np.ndarray, center_px: np.ndarray, scale_px: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return (T, 2): how far the shoulders are from where they usually are below the head, in head units."""
    middle = 0.5 * (points[:, POSE_INDEX["left_shoulder"]] + points[:, POSE_INDEX["right_shoulder"]])
    offset = (middle - center_px) / scale_px[:, None]
    seen = np.isfinite(offset).all(axis=1)
    if not seen.any():
        return np.zeros_like(offset)
    low, high = np.quantile(offset[seen], [0.05, 0.95], axis=0)
    offset = offset - np.clip(offset[seen], low, high).mean(axis=0)
    offset = _MOST_LEAN * np.tanh(offset / _MOST_LEAN)
    return _calm(seconds, offset, (seen, np.zeros(2)), is_trunk=True)


def _hand_places(
    points: np.ndarray, center_px: np.ndarray, scale_px: np.ndarray, seconds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    places, near = np.zeros((len(points), 2, 2)), np.zeros((len(points), 2))
    for index, side in enumerate(("left", "right")):
        wrist = points[:, POSE_INDEX[f"{side}_wrist"]]
        knuckles = 0.5 * (points[:, POSE_INDEX[f"{side}_index"]] + points[:, POSE_INDEX[f"{side}_pinky"]])
        at = (wrist + _FINGERS * (knuckles - wrist) - center_px) / scale_px[:, None]
        seen = _drop_specks(seconds, np.isfinite(at).all(axis=1))
        if not seen.any():
            continue
        distance = np.linalg.norm(np.nan_to_num(at), axis=1)
        share = np.where(seen, np.clip((_FAR_UNITS - distance) / (_FAR_UNITS - _NEAR_UNITS), 0.0, 1.0), 0.0)
        held = np.stack([np.interp(seconds, seconds[seen], at[seen, axis]) for axis in range(2)], axis=1)
        places[:, index] = _calm(seconds, held, (np.ones_like(seen), np.zeros(2)))
        near[:, index] = _calm(seconds, share[:, None], (seen, np.zeros(1)))[:, 0]
    return places, near
