"""What is read off a face in head space: lid apertures, lip gap, head angles; and the human reference motion.

In: contour points (..., K, 3) in head space. Out: plain arrays. Everything here is a ratio to the face's own features,
so that two performers with different faces in the same expression read (nearly) the same.
"""

import numpy as np

from perfkit.contour_layout import make_layout
from perfkit.geometry import picture_rotation_from_camera
from perfkit.proportions import HUMAN_RIG
from perfkit.rig import head_angles_from_rotation, rest_points
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

HUMAN_BASIS: np.ndarray = (
    make_layout(HUMAN_RIG).basis.reshape(len(BLENDSHAPES), NUM_CONTOUR_POINTS, 3).astype(np.float64)
)
"""(52, K, 3): how far each weight moves the average adult's contour points, head space."""

_LIPS = CONTOUR_SLICES["inner_lips"].start
_LOWER_LIP, _UPPER_LIP = _LIPS + np.arange(3, 8), _LIPS + np.arange(17, 12, -1)


def head_angles(camera_from_head: np.ndarray) -> np.ndarray:
    """Return (S, 3) yaw, pitch, roll in degrees (signs as `vocabulary.HEAD_CHANNELS`) of MediaPipe's (S, 4, 4)."""
    return head_angles_from_rotation(picture_rotation_from_camera(camera_from_head[:, :3, :3].astype(np.float64)))


def human_motion(weights: np.ndarray) -> np.ndarray:
    """Return (..., K, 3): the average adult's linear motion for weights (..., 52)."""
    return np.tensordot(weights, HUMAN_BASIS, axes=1)


def eye_apertures(points: np.ndarray) -> np.ndarray:
    """Return (..., 2): mean lid distance / eye width of the left and right eye."""
    return np.stack([_aperture(points, side) for side in ("left", "right")], axis=-1)


def _aperture(points: np.ndarray, side: str) -> np.ndarray:
    start = CONTOUR_SLICES[f"{side}_eye"].start
    lower, upper = points[..., start + 2 : start + 7, :], points[..., start + 10 : start + 15, :][..., ::-1, :]
    width = np.linalg.norm(points[..., start, :2] - points[..., start + 8, :2], axis=-1)
    return (lower[..., 1] - upper[..., 1]).mean(axis=-1) / np.maximum(width, 1e-6)


def lip_gap(points: np.ndarray) -> np.ndarray:
    """Return (...,): mean distance of the inner lips, in head units."""
    return (points[..., _LOWER_LIP, 1] - points[..., _UPPER_LIP, 1]).mean(axis=-1)


def mouth_width(points: np.ndarray) -> np.ndarray:
    """Return (...,): distance of the outer lips' corners, head units."""
    start = CONTOUR_SLICES["outer_lips"].start
    return np.linalg.norm(points[..., start, :2] - points[..., start + 10, :2], axis=-1)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Return (...,): distance between the middles of the eyes' corners, head units."""
    middles = [
        0.5 * (points[..., start, :2] + points[..., start + 8, :2])
        for start in (CONTOUR_SLICES["left_eye"].start, CONTOUR_SLICES["right_eye"].start)
    ]
    return np.linalg.norm(middles[0] - middles[1], axis=-1)


def feature_places(points: np.ndarray) -> np.ndarray:
    """Return (3,): how low eyes and mouth lie, and half the oval's width, of one face (K, 3), head units."""
    eyes = [CONTOUR_SLICES[f"{side}_eye"].start + corner for side in ("left", "right") for corner in (0, 8)]
    lips, oval = CONTOUR_SLICES["outer_lips"].start, points[CONTOUR_SLICES["face_oval"]]
    return np.array([points[eyes, 1].mean(), points[[lips, lips + 10], 1].mean(), np.ptp(oval[:, 0]) / 2])


def brow_heights(points: np.ndarray) -> np.ndarray:
    """Return (..., 2) of points (..., K, 2+): how high each brow is over its eye's corners, which lids do not move."""
    return np.stack([_brow_height(points, side) for side in ("left", "right")], axis=-1)


def _brow_height(points: np.ndarray, side: str) -> np.ndarray:
    start = CONTOUR_SLICES[f"{side}_eye"].start
    corners = points[..., [start, start + 8], 1].mean(axis=-1)
    return corners - points[..., CONTOUR_SLICES[f"{side}_brow"], 1].mean(axis=-1)


def region_ratios(neutral: np.ndarray) -> np.ndarray:
    """Return (K, 1): the performer's size / the average adult's, for the region of each contour point.

    Brows go by the distance of the eyes, lips and nose by the mouth's width, the oval by the face's height, which is
    the unit of head space.
    """
    rest = rest_points(HUMAN_RIG).astype(np.float64)
    ratios = np.ones((NUM_CONTOUR_POINTS, 1))
    eyes = eye_distance(neutral) / eye_distance(rest)
    mouth = mouth_width(neutral) / mouth_width(rest)
    for name, rows in CONTOUR_SLICES.items():
        if name.endswith(("brow", "eye", "iris")):
            ratios[rows] = eyes
        elif name.endswith("lips") or name == "nose_base":
            ratios[rows] = mouth
    return ratios
