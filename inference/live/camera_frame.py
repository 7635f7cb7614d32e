"""One picture of a camera, stamped when it was taken."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

MAX_SIDE_PX = 1280
"""Larger pictures are made smaller before they are looked at: faces are found as well, and much faster than in 4K."""


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """A camera's picture.

    Attributes:
        index: Counts up, with gaps where pictures were dropped.
        seconds: When it was taken, on this machine's monotonic clock.
        stamp: The same on the camera's own clock, as the page sent it.
        image_rgb: (H, W, 3) uint8; None while it is still `jpeg`.
        jpeg: The picture as it came, if it came so and is of the same size.
    """

    index: int
    seconds: float
    stamp: float = 0.0
    image_rgb: np.ndarray | None = None
    jpeg: bytes | None = None

    def decode(self) -> "CameraFrame | None":
        """Return the frame with its picture, no side longer than `MAX_SIDE_PX`; None where the bytes hold none."""
        image_rgb = self.image_rgb
        if image_rgb is None:
            assert self.jpeg is not None
            image_rgb = decode_jpeg(self.jpeg)
        if image_rgb is None:
            return None
        fitted = _shrink(image_rgb)
        is_as_it_came = self.jpeg is not None and _jpeg_size(self.jpeg) == (fitted.shape[1], fitted.shape[0])
        return replace(self, image_rgb=fitted, jpeg=self.jpeg if is_as_it_came else None)

    def encode(self) -> bytes:
        """Return the picture as JPEG: as it came, or encoded now."""
        if self.jpeg is not None:
            return self.jpeg
        assert self.image_rgb is not None
        return encode_jpeg(self.image_rgb, quality=90)


def decode_jpeg(jpeg: bytes) -> np.ndarray | None:
    """Return (H, W, 3) uint8 RGB, or None for bytes that hold no JPEG of up to 4096 px a side."""
    size_wh = _jpeg_size(jpeg)
    if size_wh is None or not 16 <= min(size_wh) <= max(size_wh) <= 4096:
        return None
    reduced = cv2.IMREAD_REDUCED_COLOR_2 if max(size_wh) > 2 * MAX_SIDE_PX else cv2.IMREAD_COLOR
    image_bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), reduced | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image_bgr is None else cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)


def encode_jpeg(image_rgb: np.ndarray, *, quality: int) -> bytes:
    """Return a picture as JPEG."""
    is_done, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert is_done
    return jpeg.tobytes()


def encode_png(image_rgba: np.ndarray) -> bytes:
    """Return a picture as PNG, fast rather than small."""
    bgra = cv2.cvtColor(image_rgba, cv2.COLOR_RGBA2BGRA)
    is_done, png = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert is_done
    return png.tobytes()


def _shrink(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    share = MAX_SIDE_PX / max(height, width)
    if share >= 1:
        return image
    return cv2.resize(image, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)


def _jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Return the size that a JPEG's frame header declares, so that a bomb is refused before it is decoded."""
    if jpeg[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 < len(jpeg):
        if jpeg[place] != 0xFF:
            return None
        marker, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(jpeg[place + 7 : place + 9], "big"), int.from_bytes(
                jpeg[place + 5 : place + 7], "big"
            )
        place += 2 + length
    return None
