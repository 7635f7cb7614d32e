"""Cutting the network's input from a picture: one similarity, in training and in use alike."""

import cv2
import numpy as np

from perfkit.training.landmark_net.network import INPUT_PX


def cut_crop(picture: np.ndarray, crop_from_picture: np.ndarray) -> np.ndarray:
    """Cut the network's input from a picture.

    Args:
        picture: (H, W, C) uint8.
        crop_from_picture: (2, 3), px with the origin at the pictures' corners.

    Returns:
        (128, 128, C) uint8; outside the picture its edge is repeated.
    """
    shrink = float(np.hypot(*crop_from_picture[0, :2]))
    if shrink < 0.5:
        factor = int(1 / shrink)
        size_wh = (max(1, picture.shape[1] // factor), max(1, picture.shape[0] // factor))
        gain = np.array([picture.shape[1] / size_wh[0], picture.shape[0] / size_wh[1]])
        crop_from_picture = np.column_stack([crop_from_picture[:, :2] * gain, crop_from_picture[:, 2]])
        picture = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
    from_index = crop_from_picture.copy()
    from_index[:, 2] += from_index[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(
        picture, from_index, (INPUT_PX, INPUT_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def make_crop_transform(centre: np.ndarray, side_px: float, *, tilt_deg: float = 0.0) -> np.ndarray:
    """Return (2, 3) crop from picture: the square of `side_px` around `centre`, turned upright by `tilt_deg`."""
    angle, scale = np.deg2rad(-tilt_deg), INPUT_PX / side_px
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, INPUT_PX / 2 - turn @ centre])
