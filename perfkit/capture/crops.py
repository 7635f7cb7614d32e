"""Faces too small for the whole-frame detector: cut out at the pose's head and enlarged.

In: a frame and its pose points. Out: a square picture of the head, and the map of its points back to the frame.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.vocabulary import POSE_INDEX

CROP_PX = 320
_FOV_DEG = 63.0
"""Vertical field of view that MediaPipe's face geometry assumes for whatever picture it is given."""

_HEAD_POINTS = tuple(POSE_INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear"))
_MOUTH = (POSE_INDEX["mouth_left"], POSE_INDEX["mouth_right"])
_EYES = (POSE_INDEX["left_eye"], POSE_INDEX["right_eye"])
_SHOULDERS = (POSE_INDEX["left_shoulder"], POSE_INDEX["right_shoulder"])


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A square piece of a frame, scaled to `CROP_PX`.

    Attributes:
        image_rgb: (CROP_PX, CROP_PX, 3) uint8.
        corner_xy: Its top left corner in the frame, px.
        side_px: Its side in the frame, px.
        frame_wh: Size of the frame, px.
    """

    image_rgb: np.ndarray
    corner_xy: tuple[float, float]
    side_px: float
    frame_wh: tuple[int, int]

    def frame_from_crop(self, points: np.ndarray) -> np.ndarray:
        """Return points (..., 3) in px of the frame from px of the crop picture."""
        scale = self.side_px / CROP_PX
        return points * np.float32(scale) + np.array([*self.corner_xy, 0], np.float32)

    def frame_camera_from_head(self, crop_camera_from_head: np.ndarray) -> np.ndarray:
        """Return the head's matrix (4, 4) for the frame's camera from that for the crop's.

        Both are pinhole cameras of the same opening angle, so the crop's has the longer lens: the head lies farther
        away and beside the axis. The rotation stays: it is what the picture shows, and within a few degrees what
        MediaPipe says of the same head in the whole frame.
        """
        width, height = self.frame_wh
        focal_px = height / (2 * math.tan(math.radians(_FOV_DEG / 2)))
        offset_x = (self.corner_xy[0] + self.side_px / 2 - width / 2) / focal_px
        offset_y = -(self.corner_xy[1] + self.side_px / 2 - height / 2) / focal_px
        x, y, z = crop_camera_from_head[:3, 3]
        depth = -z * height / self.side_px
        out = np.array(crop_camera_from_head, np.float32)
        out[:3, 3] = x + offset_x * depth, y + offset_y * depth, -depth
        return out


def crop_at_head(image_rgb: np.ndarray, body: np.ndarray) -> FaceCrop | None:
    """Cut out the head that the pose points at; None where there is no pose or the head is outside the frame.

    Args:
        image_rgb: (H, W, 3) uint8.
        body: (33, 4) x, y, z px and visibility.
    """
    height, width = image_rgb.shape[:2]
    head = body[list(_HEAD_POINTS), :2]
    if not np.isfinite(head).all():
        return None
    eyes, mouth = body[list(_EYES), :2].mean(0), body[list(_MOUTH), :2].mean(0)
    breadth = np.linalg.norm(head[3] - head[4])
    shoulders = np.linalg.norm(body[_SHOULDERS[0], :2] - body[_SHOULDERS[1], :2])
    side = max(2.6 * float(breadth), 5.0 * float(np.linalg.norm(mouth - eyes)), 0.6 * float(shoulders), 16.0)
    center = head.mean(0)
    if not (0 <= center[0] < width and 0 <= center[1] < height):
        return None
    corner = center - side / 2
    scale = CROP_PX / side
    crop_from_frame = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
    piece = cv2.warpAffine(image_rgb, crop_from_frame, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR)
    return FaceCrop(piece, (float(corner[0]), float(corner[1])), side, (width, height))
