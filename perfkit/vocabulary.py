"""The words and indices that every side shares: blendshape names, face contours, head channels, body points.

`left` is the performer's left, which is at the right of an un-mirrored picture.
Source: MediaPipe Face Landmarker's 478-point mesh and its contour sets; ARKit's 52 blendshape names.
"""

import numpy as np

BLENDSHAPES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""ARKit's 52 names: MediaPipe's 52 in its own order without `_neutral`, then `tongueOut` (which MediaPipe lacks)."""

BLENDSHAPE_INDEX: dict[str, int] = {name: index for index, name in enumerate(BLENDSHAPES)}

CONTOURS: dict[str, tuple[int, ...]] = {
    "face_oval": (
        10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    ),
    "left_eye": (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    "right_eye": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    "left_iris": (473, 474, 475, 476, 477),
    "right_iris": (468, 469, 470, 471, 472),
    "left_brow": (276, 283, 282, 295, 285, 336, 296, 334, 293, 300),
    "right_brow": (46, 53, 52, 65, 55, 107, 66, 105, 63, 70),
    "outer_lips": (
        61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    ),
    "inner_lips": (
        78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
    ),
    "nose_bridge": (168, 6, 197, 195, 5, 4),
    "nose_base": (98, 97, 2, 326, 327),
}  # fmt: skip
"""Control contours as indices into the 478-point mesh.

Eyes: outer corner, lower lid to the inner corner, upper lid back. Irises: centre, then right, top, left, bottom rim as
MediaPipe numbers them. Brows: lower edge from outer to inner, upper edge back. Lips: right corner, lower lip to the
left corner, upper lip back. Oval: from the top of the forehead over the performer's left cheek to the chin and back.
"""

CONTOUR_INDICES: np.ndarray = np.array([index for contour in CONTOURS.values() for index in contour], dtype=np.int64)
"""(K,) mesh indices of all contour points, in the order of `CONTOURS`: the face rows of every CharacterTrack."""

NUM_CONTOUR_POINTS: int = len(CONTOUR_INDICES)


def _slices() -> dict[str, slice]:
    out, start = {}, 0
    for name, indices in CONTOURS.items():
        out[name] = slice(start, start + len(indices))
        start += len(indices)
    return out


CONTOUR_SLICES: dict[str, slice] = _slices()
"""Name -> rows of that contour in any (K, ...) array."""

CLOSED_CONTOURS: frozenset[str] = frozenset(
    {"face_oval", "left_eye", "right_eye", "left_brow", "right_brow", "outer_lips", "inner_lips"}
)

HEAD_CHANNELS: tuple[str, ...] = ("yaw_deg", "pitch_deg", "roll_deg", "center_x_px", "center_y_px", "scale_px")
"""Columns of a character's head array, (T, 6).

yaw > 0 turns the nose towards the right edge of the picture, pitch > 0 towards its lower edge, roll > 0 turns the head
clockwise in the picture. The centre is where the head's origin (middle of the face oval, at its depth centre) lands;
scale is pixels for one head unit (half the height of the face oval at rest).
"""

POSE_POINTS: tuple[str, ...] = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow",
    "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
    "left_foot_index", "right_foot_index",
)  # fmt: skip
"""MediaPipe Pose's 33 points."""

POSE_INDEX: dict[str, int] = {name: index for index, name in enumerate(POSE_POINTS)}

PARTS: frozenset[str] = frozenset(
    {
        "left_eye",
        "right_eye",
        "left_brow",
        "right_brow",
        "nose",
        "mouth",
        "face_oval",
        "body",
        "left_hand",
        "right_hand",
    }
)
"""Parts a rig may declare absent: they are neither retargeted nor drawn."""
