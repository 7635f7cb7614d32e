"""Where the character is in its picture: its alpha, what differs from the plain background, or a hull around its face.

In: pictures, contour points. Out: masks (H, W) bool.
"""

import cv2
import numpy as np

from perfkit.composite import composite
from perfkit.vocabulary import CONTOUR_SLICES

GREY = 128
_DIFFERS = 14
"""Grey levels of a channel beyond which a pixel is not the background's: video codecs ring by a few."""
_LEAST_SHARE = 0.002
_HULL_REACH = 1.25


def lay_over_grey(image_rgba: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8: a picture (H, W, 4), straight alpha, over mid grey."""
    if image_rgba[..., 3].min() == 255:
        return np.ascontiguousarray(image_rgba[..., :3])
    return composite(image_rgba, np.full((*image_rgba.shape[:2], 3), GREY, np.uint8))


def find_matte(image_rgb: np.ndarray, background_rgb: np.ndarray) -> np.ndarray:
    """Return where a picture differs from its plain background; what lies inside the character's outline is its own.

    Args:
        image_rgb: (H, W, 3) uint8.
        background_rgb: (3,) uint8.
    """
    differs = (np.abs(image_rgb.astype(np.int16) - background_rgb).max(axis=-1) > _DIFFERS).astype(np.uint8)
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    matte = np.zeros(differs.shape, np.uint8)
    large = [outline for outline in outlines if cv2.contourArea(outline) >= _LEAST_SHARE * differs.size]
    cv2.drawContours(matte, large, -1, 1, cv2.FILLED)
    return matte > 0


def draw_face_hull(points: np.ndarray, shape_hw: tuple[int, int], *, reach: float = _HULL_REACH) -> np.ndarray:
    """Return the face oval of contour points (K, 2), enlarged about its middle; nothing where it is not finite."""
    mask = np.zeros(shape_hw, np.uint8)
    oval = points[CONTOUR_SLICES["face_oval"]]
    if np.isfinite(oval).all():
        middle = oval.mean(axis=0)
        cv2.fillPoly(mask, [np.rint(middle + reach * (oval - middle)).astype(np.int32)], 1)
    return mask > 0
