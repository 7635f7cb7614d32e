"""Simple drawings made on the spot: a head of known place, outline and colours."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIDE_PX = 200


def draw_head(*, turn: int = 0, mouth: int = 4, side_px: int = SIDE_PX, skin: tuple[int, int, int] = (230, 180, 150)):
    """Return (H, W, 4) uint8 straight-alpha RGBA: an inked head on shoulders that the lower edge cuts.

    Args:
        turn: How far the face is shifted sideways, px of 200.
        mouth: Half the height of the mouth, px of 200.
        side_px: Size.
        skin: RGB.
    """
    gain = 4
    size = SIDE_PX * gain
    picture = np.zeros((size, size, 4), np.uint8)

    def ellipse(x: int, y: int, rx: int, ry: int, rgb: tuple[int, int, int], ink: int = 3) -> None:
        for radius, colour in ((ink, (20, 20, 30)), (0, rgb)):
            axes = ((rx + radius) * gain, (ry + radius) * gain)
            cv2.ellipse(picture, (x * gain, y * gain), axes, 0, 0, 360, (*colour, 255), -1, cv2.LINE_8)

    ellipse(100, 210, 60, 40, (60, 90, 170))
    ellipse(100, 95, 50, 60, skin)
    for x in (82, 118):
        ellipse(x + turn, 85, 9, 12, (255, 255, 255), 2)
        ellipse(x + turn, 87, 4, 5, (30, 60, 40), 0)
    ellipse(100 + turn, 125, 16, mouth, (150, 40, 60), 2)
    alpha = picture[..., 3:].astype(np.float32) / 255
    premultiplied = np.dstack([picture[..., :3] * alpha, 255 * alpha])
    small = cv2.resize(premultiplied, (side_px, side_px), interpolation=cv2.INTER_AREA)
    colours = small[..., :3] * 255 / np.maximum(small[..., 3:], 1e-3)
    return np.rint(np.dstack([np.clip(colours, 0, 255) * (small[..., 3:] > 0), small[..., 3]])).astype(np.uint8)


def lay_over(rgba: np.ndarray, ground_rgb: tuple[int, int, int]) -> np.ndarray:
    """Return (H, W, 3) uint8: a drawing on paper."""
    alpha = rgba[..., 3:].astype(np.float64) / 255
    return np.rint(rgba[..., :3] * alpha + np.array(ground_rgb) * (1 - alpha)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write pixels in the format of the path's suffix; PNG and WebP without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    if path.suffix == ".webp":
        picture.save(path, lossless=True)
    else:
        picture.save(path, quality=92)
    return path
