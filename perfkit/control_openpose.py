"""The OpenPose look of a control picture: body sticks, hand bones, white face dots.

In: a posed face (contour points) and body (33 points) in canvas px. Out: strokes on a Canvas.
The 18 body points are taken from the 33 of MediaPipe Pose, eyes, nose and ears from the face where it is drawn; the 70
face points from the contours. Sizes are those of the public annotator on a picture of 512.
Source: published colour tables of OpenPose (Cao et al. 2019) and of its ControlNet annotator.
"""

import colorsys

import numpy as np

from perfkit.control_strokes import Canvas, draw_bone, fill_contour, fill_discs, has_point
from perfkit.vocabulary import CONTOUR_INDICES, POSE_INDEX

BODY_COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
    (255, 0, 170), (255, 0, 85),
)  # fmt: skip
"""RGB of the 18 body points; the first 17 also colour the limbs, at 60 %."""

BODY_POINTS: tuple[str, ...] = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's 18 (COCO) body points; the neck is the middle of the shoulders."""

BODY_LIMBS: tuple[tuple[int, int], ...] = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip

HAND_BONES: tuple[tuple[int, int], ...] = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)

FACE_POINTS: tuple[int, ...] = (
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 6, 195, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
    468, 473,
)  # fmt: skip
"""Mesh indices of OpenPose's 70 face points: jaw, brows, nose, eyes, lips, pupils, from the performer's right."""

_ROW = {int(mesh_index): row for row, mesh_index in enumerate(CONTOUR_INDICES)}
_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 24)), np.sin(np.linspace(0, 2 * np.pi, 24))], axis=1)
_FACE_ROWS = np.array([_ROW[mesh_index] for mesh_index in FACE_POINTS])
_HEAD_ROWS = {
    "nose": _ROW[4],
    "right_eye": _ROW[468],
    "left_eye": _ROW[473],
    "right_ear": _ROW[234],
    "left_ear": _ROW[454],
}


def draw_openpose(canvas: Canvas, face: tuple[np.ndarray, np.ndarray], limbs: tuple[np.ndarray, np.ndarray]) -> None:
    """Draw body, hands and face of one frame.

    Args:
        canvas: Drawn on.
        face: (K, 2) px and (K,) visibility.
        limbs: Body (33, 3) px + visibility, hands (2, 21, 2) px; NaN = not drawn.
    """
    body, hands = limbs
    points = body_points_18(face, body)
    for (start, end), colour in zip(BODY_LIMBS, BODY_COLOURS, strict=False):
        if has_point(points[start]) and has_point(points[end]):
            _draw_stick(canvas, points[start, :2], points[end, :2], colour)
    for point, colour in zip(points, BODY_COLOURS, strict=True):
        if has_point(point):
            fill_discs(canvas, point[None, :2], 2.0, colour)
    for hand in hands:
        _draw_hand(canvas, hand)
    shown = _FACE_ROWS[face[1][_FACE_ROWS] > 0.5]
    fill_discs(canvas, face[0][shown], 1.5, (255, 255, 255))


def body_points_18(face: tuple[np.ndarray, np.ndarray], body: np.ndarray) -> np.ndarray:
    """Return OpenPose's 18 body points, (18, 3) px + visibility, NaN where unknown."""
    out = np.full((18, 3), np.nan)
    for row, name in enumerate(BODY_POINTS):
        if name == "neck":
            out[row] = (body[POSE_INDEX["left_shoulder"]] + body[POSE_INDEX["right_shoulder"]]) / 2
        elif name in _HEAD_ROWS and face[1].max() > 0:
            out[row] = *face[0][_HEAD_ROWS[name]], face[1][_HEAD_ROWS[name]]
        else:
            out[row] = body[POSE_INDEX[name]]
    return out


def _draw_stick(canvas: Canvas, start: np.ndarray, end: np.ndarray, colour: tuple[int, int, int]) -> None:
    along = (end - start) / 2
    length = max(float(np.hypot(*along)), 1e-6)
    across = np.array([-along[1], along[0]]) / length * 2 * canvas.scale
    stick = (start + end) / 2 + _CIRCLE[:, :1] * along + _CIRCLE[:, 1:] * across
    red, green, blue = (round(channel * 0.6) for channel in colour)
    fill_contour(canvas, stick, np.ones(len(stick)), (red, green, blue))


def _draw_hand(canvas: Canvas, hand: np.ndarray) -> None:
    if not np.isfinite(hand).all():
        return
    points = np.concatenate([hand, np.ones((21, 1))], axis=1)
    for number, (start, end) in enumerate(HAND_BONES):
        red, green, blue = (round(255 * channel) for channel in colorsys.hsv_to_rgb(number / len(HAND_BONES), 1.0, 1.0))
        draw_bone(canvas, points[start], points[end], (red, green, blue), width=1.0)
    fill_discs(canvas, hand, 2.0, (0, 0, 255))
