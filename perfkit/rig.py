"""A character's proportions, and how the 52 weights move its contour points: shared by retarget and puppet.

In: a `Rig` (numbers only) and expression weights (..., 52). Out: contour points (..., K, 3) in head space, rows as
`vocabulary.CONTOURS`. `pose_face` turns them into canvas pixels; `pose_body` hangs torso and arms below the head.

    head space, unit = half the height of the rest face oval       -1  forehead
    x to the picture's right, y down, z towards the camera          0  origin, middle of the head
    (the performer's left is +x)                                   +1  chin

The displacement is linear in the weights, followed by clamps: lids never cross and meet exactly at eyeBlink = 1
whatever the eye's size; inner lips never cross and stay inside the outer lips; irises stay in the opening.
"""

import numpy as np

from perfkit.contour_layout import NUM_WEIGHTS, Layout, make_layout, surface_z
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, NUM_CONTOUR_POINTS, POSE_INDEX

__all__ = [
    "BODY_BONES",
    "HUMAN_RIG",
    "Rig",
    "bone_lengths",
    "face_points",
    "hands_from_body",
    "head_angles_from_rotation",
    "pose_body",
    "pose_face",
    "present_rows",
    "rest_body",
    "rest_head",
    "rest_limbs",
    "rest_points",
    "rotation_from_head",
    "surface_z",
]


def face_points(rig: Rig, weights: np.ndarray) -> np.ndarray:
    """Place the contour points for expression weights.

    Args:
        rig: The character's proportions.
        weights: (..., 52), columns as `vocabulary.BLENDSHAPES`; clipped to 0..1.

    Returns:
        (..., K, 3) float32, head space, rows as `vocabulary.CONTOURS`.
    """
    weights = np.clip(np.asarray(weights, dtype=np.float32), 0.0, 1.0)
    if weights.shape[-1] != NUM_WEIGHTS:
        raise ValueError(f"face_points: weights have shape {weights.shape}, expected (..., {NUM_WEIGHTS})")
    layout = make_layout(rig)
    moved = (weights @ layout.basis).reshape(*weights.shape[:-1], NUM_CONTOUR_POINTS, 3) + layout.rest
    _close_lids(moved, weights, layout)
    _hold_irises(moved, layout)
    _part_lips(moved, rig)
    return moved


def rest_points(rig: Rig) -> np.ndarray:
    """Return the contour points at rest, (K, 3) float32, head space."""
    return make_layout(rig).rest.copy()


def present_rows(rig: Rig) -> np.ndarray:
    """Return (K,) bool: False for the contour rows of parts that the rig declares absent."""
    rows = np.ones(NUM_CONTOUR_POINTS, dtype=bool)
    contours_of = {
        "left_eye": ("left_eye", "left_iris"),
        "right_eye": ("right_eye", "right_iris"),
        "nose": ("nose_bridge", "nose_base"),
        "mouth": ("outer_lips", "inner_lips"),
    }
    for part in rig.absent:
        for contour in contours_of.get(part, (part,)):
            if contour in CONTOUR_SLICES:
                rows[CONTOUR_SLICES[contour]] = False
    return rows


def rotation_from_head(head: np.ndarray) -> np.ndarray:
    """Return picture_from_head rotations (..., 3, 3): pitch first, then yaw, then roll.

    Args:
        head: (..., 6), columns as `vocabulary.HEAD_CHANNELS`; only the three angles are read.
    """
    angles = np.deg2rad(np.asarray(head, dtype=np.float64)[..., :3])
    yaw, pitch, roll = angles[..., 0], angles[..., 1], angles[..., 2]
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    out = np.empty((*np.shape(yaw), 3, 3))
    out[..., 0, 0], out[..., 0, 1], out[..., 0, 2] = cr * cy, -cr * sy * sp - sr * cp, cr * sy * cp - sr * sp
    out[..., 1, 0], out[..., 1, 1], out[..., 1, 2] = sr * cy, -sr * sy * sp + cr * cp, sr * sy * cp + cr * sp
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 2] = -sy, -cy * sp, cy * cp
    return out


def head_angles_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return (..., 3) yaw, pitch, roll in degrees: the inverse of `rotation_from_head`."""
    rotation = np.asarray(rotation, dtype=np.float64)
    yaw = np.arcsin(np.clip(-rotation[..., 2, 0], -1, 1))
    pitch = np.arctan2(-rotation[..., 2, 1], rotation[..., 2, 2])
    roll = np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return np.rad2deg(np.stack([yaw, pitch, roll], axis=-1))


def _bands() -> np.ndarray:
    """Return (K, 2): how far a point may turn away before it fades, and is gone, as normals' z."""
    bands = np.tile(np.array([0.0, 0.22]), (NUM_CONTOUR_POINTS, 1))
    bands[CONTOUR_SLICES["face_oval"]] = -0.3, 0.0
    bands[CONTOUR_SLICES["nose_bridge"]] = -0.45, -0.2
    bands[CONTOUR_SLICES["nose_base"]] = -0.35, -0.1
    return bands


_FADE_BANDS = _bands()
_NORMAL_SCALE = np.array([1.3, 0.6, 1.0])
_NORMAL_SHIFT = np.zeros((NUM_CONTOUR_POINTS, 3))
_NORMAL_SHIFT[:, 2] = 0.15
_NORMAL_SHIFT[CONTOUR_SLICES["face_oval"], 2] += 0.25


def pose_face(points: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn, scale and place contour points on the canvas; orthographic.

    Args:
        points: (..., K, 3), head space.
        head: (..., 6), columns as `vocabulary.HEAD_CHANNELS`.

    Returns:
        (..., K, 2) float32 px and (..., K) float32 visibility in 0..1, fading for points turned away. Absent parts are
        the caller's: see `present_rows`.
    """
    return _pose_rows(points, head, slice(None))


def _pose_rows(points: np.ndarray, head: np.ndarray, rows: slice | list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Do `pose_face` for some contour rows: points (..., R, 3)."""
    head, points = np.asarray(head, dtype=np.float64), np.asarray(points, dtype=np.float64)
    rotation = rotation_from_head(head)
    turned = points @ np.swapaxes(rotation, -1, -2)
    px = head[..., None, 3:5] + head[..., None, 5:6] * turned[..., :2]
    normals = points * _NORMAL_SCALE + _NORMAL_SHIFT[rows]
    length = np.sqrt((normals * normals).sum(axis=-1))
    facing = (normals @ rotation[..., 2, :, None])[..., 0] / length
    bands = _FADE_BANDS[rows]
    t = np.clip((facing - bands[:, 0]) / (bands[:, 1] - bands[:, 0]), 0.0, 1.0)
    return px.astype(np.float32), (t * t * (3 - 2 * t)).astype(np.float32)


def rest_head(rig: Rig, canvas_wh: tuple[int, int]) -> np.ndarray:
    """Return the default framing, (6,) float32, columns as `vocabulary.HEAD_CHANNELS`: a bust, looking ahead."""
    width, height = canvas_wh
    return np.array(
        [0, 0, 0, rig.head_x * width, rig.head_y * height, rig.head_scale * min(width, height)], dtype=np.float32
    )


BODY_BONES: tuple[str, ...] = (
    "shoulders", "spine", "left_upper_arm", "right_upper_arm", "left_forearm", "right_forearm",
    "left_index", "right_index", "left_pinky", "right_pinky", "left_thumb", "right_thumb",
)  # fmt: skip
"""Rows of every limb-direction array. `shoulders` points from the right to the left shoulder, `spine` from between the
shoulders to between the hips, arms away from the body, fingers from the wrist to the pose point of that name.
"""

_CHAIN = {
    "left_upper_arm": ("left_shoulder", "left_elbow"),
    "right_upper_arm": ("right_shoulder", "right_elbow"),
    "left_forearm": ("left_elbow", "left_wrist"),
    "right_forearm": ("right_elbow", "right_wrist"),
    "left_index": ("left_wrist", "left_index"),
    "right_index": ("right_wrist", "right_index"),
    "left_pinky": ("left_wrist", "left_pinky"),
    "right_pinky": ("right_wrist", "right_pinky"),
    "left_thumb": ("left_wrist", "left_thumb"),
    "right_thumb": ("right_wrist", "right_thumb"),
}
_NECK_PIVOT = np.array([0.0, 0.6, -0.15])


def rest_limbs() -> np.ndarray:
    """Return the rest pose's limb directions, (12, 3) float32 unit vectors, rows as `BODY_BONES`: arms hang."""
    left = {"upper_arm": (0.25, 1, 0), "forearm": (0.08, 1, 0.25), "index": (-0.12, 1, 0.25), "pinky": (0.2, 1, 0.1),
            "thumb": (-0.5, 0.8, 0.3)}  # fmt: skip
    rows = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    for bone in BODY_BONES[2:]:
        side, part = bone.split("_", 1)
        x, y, z = left[part]
        rows.append((x if side == "left" else -x, y, z))
    limbs = np.array(rows)
    return (limbs / np.linalg.norm(limbs, axis=-1, keepdims=True)).astype(np.float32)


def bone_lengths(rig: Rig) -> np.ndarray:
    """Return (12,) float32 bone lengths in head units, rows as `BODY_BONES`."""
    arm = (rig.upper_arm, rig.upper_arm, rig.forearm, rig.forearm)
    fingers = (rig.hand, rig.hand, 0.9 * rig.hand, 0.9 * rig.hand, 0.6 * rig.hand, 0.6 * rig.hand)
    return np.array((rig.shoulder_width, rig.torso_length, *arm, *fingers), dtype=np.float32)


def pose_body(rig: Rig, limbs: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Hang the body below the head with the rig's own bone lengths.

    Args:
        rig: The character's proportions.
        limbs: (..., 12, 3) directions, rows as `BODY_BONES`, picture axes (x right, y down, z to the camera). Unit
            vectors; shorter ones are taken as they are. NaN = not seen: that bone and what hangs on it is not drawn.
        head: (..., 6), columns as `vocabulary.HEAD_CHANNELS`; the body takes its scale from it.

    Returns:
        (..., 33, 3) float32, rows as `vocabulary.POSE_POINTS`: x, y px and visibility; NaN, NaN, 0 = not drawn.
    """
    head = np.asarray(head, dtype=np.float64)
    steps = np.asarray(limbs, dtype=np.float64)[..., :2] * bone_lengths(rig)[:, None] * head[..., None, 5:6]
    body = np.full((*head.shape[:-1], len(POSE_INDEX), 3), np.nan)
    _place_head_points(rig, head, body)
    bone = {name: steps[..., index, :] for index, name in enumerate(BODY_BONES)}
    pivot = rotation_from_head(head)[..., :2, :] @ _NECK_PIVOT * head[..., 5:6] + head[..., 3:5]
    down = np.nan_to_num(bone["spine"] / (rig.torso_length * head[..., 5:6]), nan=0.0)
    down[..., 1] = np.where(np.abs(down).sum(-1) == 0, 1.0, down[..., 1])
    neck = pivot + down * rig.neck_length * head[..., 5:6]
    across, hips = bone["shoulders"], neck + bone["spine"]
    share = rig.hip_width / rig.shoulder_width
    if "body" not in rig.absent:
        for side, sign in (("left", 0.5), ("right", -0.5)):
            body[..., POSE_INDEX[f"{side}_shoulder"], :2] = neck + sign * across
            body[..., POSE_INDEX[f"{side}_hip"], :2] = hips + sign * share * across
        for name, (parent, child) in _CHAIN.items():
            hand_absent = f"{name.split('_')[0]}_hand" in rig.absent and child.endswith(("index", "pinky", "thumb"))
            if not hand_absent:
                body[..., POSE_INDEX[child], :2] = body[..., POSE_INDEX[parent], :2] + bone[name]
    seen = np.isfinite(body[..., :2]).all(axis=-1)
    body[..., 2] = np.where(seen, np.nan_to_num(body[..., 2], nan=1.0), 0.0)
    return body.astype(np.float32)


_LIPS_START = CONTOUR_SLICES["outer_lips"].start
_HEAD_ROW_OF = {
    "nose": CONTOUR_SLICES["nose_bridge"].stop - 1,
    "mouth_left": _LIPS_START + 10,
    "mouth_right": _LIPS_START,
    "left_eye_outer": CONTOUR_SLICES["left_eye"].start,
    "left_eye_inner": CONTOUR_SLICES["left_eye"].start + 8,
    "right_eye_outer": CONTOUR_SLICES["right_eye"].start,
    "right_eye_inner": CONTOUR_SLICES["right_eye"].start + 8,
}
_HEAD_ROWS, _HEAD_JOINTS = list(_HEAD_ROW_OF.values()), [POSE_INDEX[name] for name in _HEAD_ROW_OF]


def _place_head_points(rig: Rig, head: np.ndarray, body: np.ndarray) -> None:
    px, visibility = _pose_rows(make_layout(rig).rest[_HEAD_ROWS], head, _HEAD_ROWS)
    body[..., _HEAD_JOINTS, :2], body[..., _HEAD_JOINTS, 2] = px, visibility
    for side in ("left", "right"):
        corners = [POSE_INDEX[f"{side}_eye_inner"], POSE_INDEX[f"{side}_eye_outer"]]
        body[..., POSE_INDEX[f"{side}_eye"], :] = body[..., corners, :].mean(axis=-2)
    rotation = rotation_from_head(head)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ear = np.array([sign * rig.face_width, rig.eye_y + 0.12, -0.08])
        row = POSE_INDEX[f"{side}_ear"]
        body[..., row, :2] = head[..., 3:5] + head[..., 5:6] * (rotation[..., :2, :] @ ear)
        body[..., row, 2] = np.clip(0.5 + 2.5 * sign * rotation[..., 2, 0] + 0.5, 0.0, 1.0)


def rest_body(rig: Rig, canvas_wh: tuple[int, int]) -> np.ndarray:
    """Return the default pose, (33, 3) float32: x, y px and visibility (NaN, NaN, 0 = not drawn)."""
    return pose_body(rig, rest_limbs(), rest_head(rig, canvas_wh))


def hands_from_body(body: np.ndarray) -> np.ndarray:
    """Fan 21 hand points out from wrist, index, pinky and thumb, for characters with mittens.

    Args:
        body: (..., 33, 3), rows as `vocabulary.POSE_POINTS`, px.

    Returns:
        (..., 2, 21, 2) float32 px, MediaPipe's hand order; [..., 0, :, :] is the performer's left; NaN = not drawn.
    """
    wrist, tips = body[..., _WRISTS, :2], body[..., _TIPS, :2]
    return (wrist[..., None, :] + _FAN @ (tips - wrist[..., None, :])).astype(np.float32)


def _fan() -> np.ndarray:
    """Return weights (21, 3) of the ways from the wrist to thumb, index and pinky."""
    fan = np.zeros((21, 3))
    fan[1:5, 0] = 0.3, 0.6, 0.85, 1.05
    for finger, length in enumerate((1.0, 1.06, 1.0, 0.85)):
        reach = np.array([0.75, 1.1, 1.35, 1.55]) * length
        fan[5 + 4 * finger : 9 + 4 * finger, 1] = reach * (1 - finger / 3)
        fan[5 + 4 * finger : 9 + 4 * finger, 2] = reach * (finger / 3)
    return fan


_FAN = _fan()
_WRISTS = [POSE_INDEX["left_wrist"], POSE_INDEX["right_wrist"]]
_TIPS = np.array([[POSE_INDEX[f"{side}_{tip}"] for tip in ("thumb", "index", "pinky")] for side in ("left", "right")])


def _close_lids(points: np.ndarray, weights: np.ndarray, layout: Layout) -> None:
    """Lerp both lids of each eye to the line where they meet; exact at eyeBlink = 1 for every eye."""
    for index, side in enumerate(("Left", "Right")):
        blink, wide, squint, cheek, smile = (
            weights[..., BLENDSHAPE_INDEX[name + side]]
            for name in ("eyeBlink", "eyeWide", "eyeSquint", "cheekSquint", "mouthSmile")
        )
        open_share = 1.0 - blink
        upper_share = open_share * np.clip(1 + 0.28 * wide - 0.38 * squint, 0, None)
        lower_share = open_share * np.clip(1 + 0.2 * wide - 0.85 * squint - 0.5 * cheek - 0.25 * smile, -0.6, None)
        start = CONTOUR_SLICES[f"{side.lower()}_eye"].start
        closed = layout.closed[index]
        upper, lower = slice(start + 9, start + 16), slice(start + 1, start + 8)
        gap_upper = layout.rest[upper] - closed[::-1]
        gap_lower = layout.rest[lower] - closed
        points[..., upper, :] = closed[::-1] + gap_upper * upper_share[..., None, None]
        lowest = np.minimum(lower_share, 1.3)
        points[..., lower, :] = closed + gap_lower * lowest[..., None, None]


def _hold_irises(points: np.ndarray, layout: Layout) -> None:
    """Keep each iris' centre in the opening at rest: opposite looks and extremes may not push it out."""
    for side in ("left", "right"):
        rows = CONTOUR_SLICES[f"{side}_iris"]
        home = layout.rest[rows.start, :2]
        moved = points[..., rows.start, :2] - home
        excess = moved - np.clip(moved, -layout.iris_reach, layout.iris_reach)
        points[..., rows, :2] -= excess[..., None, :]


def _part_lips(points: np.ndarray, rig: Rig) -> None:
    """Where inner lips cross, meet in the middle; keep a sliver of lip around the inner lips."""
    inner, outer = CONTOUR_SLICES["inner_lips"], CONTOUR_SLICES["outer_lips"]
    low = np.arange(1, 10)
    high = 20 - low
    y_low, y_high = points[..., inner.start + low, 1], points[..., inner.start + high, 1]
    middle = 0.5 * (y_low + y_high)
    points[..., inner.start + low, 1] = y_low = np.maximum(y_low, middle)
    points[..., inner.start + high, 1] = y_high = np.minimum(y_high, middle)
    bump = np.sin(np.pi * low / 10).astype(np.float32)
    sliver_low, sliver_high = 0.25 * rig.lip_lower * bump, 0.25 * rig.lip_upper * bump
    points[..., outer.start + low, 1] = np.maximum(points[..., outer.start + low, 1], y_low + sliver_low)
    points[..., outer.start + high, 1] = np.minimum(points[..., outer.start + high, 1], y_high - sliver_high)
