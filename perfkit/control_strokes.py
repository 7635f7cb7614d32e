"""Anti-aliased strokes and fills for control pictures, in canvas pixels with sub-pixel positions.

In: point arrays in px, visibilities 0..1, colours. Out: changes in a Canvas's picture. Widths are given for a picture
whose shorter side is 256 px and follow the picture's size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_SHIFT = 4
_VISIBLE = 0.03
_FADE_LEVELS = 8


@dataclass(frozen=True, eq=False)
class Canvas:
    """A black picture to draw on.

    Attributes:
        image_rgb: (H, W, 3) uint8, drawn on in place.
        scale: Shorter side / 256.
    """

    image_rgb: np.ndarray
    scale: float

    @classmethod
    def make(cls, size_wh: tuple[int, int]) -> "Canvas":
        """Return a black canvas of `size_wh` px."""
        return cls(np.zeros((size_wh[1], size_wh[0], 3), np.uint8), min(size_wh) / 256)

    def thickness(self, width: float) -> int:
        """Return a line width in whole px for `width` px of a 256 px picture."""
        return max(1, round(width * self.scale))


def has_point(point: np.ndarray) -> bool:
    """Return whether a body point (x, y, visibility) is there to be drawn."""
    x, y, visibility = point.tolist()
    return math.isfinite(x) and math.isfinite(y) and visibility > _VISIBLE


def draw_contour(
    canvas: Canvas,
    points: np.ndarray,
    visibility: np.ndarray,
    colour: tuple[int, int, int],
    *,
    is_closed: bool = True,
    width: float = 2.0,
) -> None:
    """Draw a polyline, each stretch faded by the visibility of its ends.

    Args:
        canvas: Drawn on.
        points: (N, 2) px.
        visibility: (N,) 0..1.
        colour: RGB.
        is_closed: Whether the last point joins the first.
        width: Line width for a 256 px picture.
    """
    fixed, thickness = _fixed(points), canvas.thickness(width)
    if visibility.min() > 0.98:
        cv2.polylines(canvas.image_rgb, [fixed], is_closed, colour, thickness, cv2.LINE_AA, _SHIFT)
        return
    starts = np.arange(len(points) if is_closed else len(points) - 1)
    ends = (starts + 1) % len(points)
    levels = np.rint(np.minimum(visibility[starts], visibility[ends]) * _FADE_LEVELS).astype(int)
    stretches = fixed[np.stack([starts, ends], axis=1)]
    for level in sorted(set(levels.tolist()) - {0}):
        faded = _faded(colour, level / _FADE_LEVELS)
        chosen = list(stretches[levels == level])
        cv2.polylines(canvas.image_rgb, chosen, False, faded, thickness, cv2.LINE_AA, _SHIFT)


def draw_bone(
    canvas: Canvas, start: np.ndarray, end: np.ndarray, colour: tuple[int, int, int], *, width: float = 4.0
) -> None:
    """Draw a line between two body points (x, y, visibility), faded by the fainter one; nothing if one is missing."""
    if has_point(start) and has_point(end):
        (*tail, tail_visibility), (*tip, tip_visibility) = start.tolist(), end.tolist()
        ends = [[round((value - 0.5) * (1 << _SHIFT)) for value in point] for point in (tail, tip)]
        faded = _faded(colour, min(tail_visibility, tip_visibility))
        cv2.line(canvas.image_rgb, ends[0], ends[1], faded, canvas.thickness(width), cv2.LINE_AA, _SHIFT)


def fill_contour(canvas: Canvas, points: np.ndarray, visibility: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Fill a polygon, faded by its points' mean visibility; a point that is gone drops out of the polygon."""
    seen = visibility > _VISIBLE
    if seen.sum() > 2:
        faded = _faded(colour, float(visibility.sum()) / len(visibility))
        cv2.fillPoly(canvas.image_rgb, [_fixed(points[seen])], faded, cv2.LINE_AA, _SHIFT)


def fill_discs(canvas: Canvas, centers: np.ndarray, radius: float, colour: tuple[int, int, int]) -> None:
    """Fill discs around (N, 2) px; `radius` is in px of a 256 px picture."""
    radius_fixed = max(1, round(radius * canvas.scale * (1 << _SHIFT)))
    for center in _fixed(centers).tolist():
        cv2.circle(canvas.image_rgb, center, radius_fixed, colour, -1, cv2.LINE_AA, _SHIFT)


def fill_opening(
    canvas: Canvas,
    points: np.ndarray,
    visibility: np.ndarray,
    colour: tuple[int, int, int],
    discs: Sequence[tuple[np.ndarray, tuple[int, int, int]]] = (),
) -> None:
    """Fill an eye or mouth opening and what lies in it, clipped to the opening.

    The fill fades out as the opening shrinks below one pixel of mean height, so that shut lids leave only their line.

    Args:
        canvas: Drawn on.
        points: (N, 2) px, the opening's rim.
        visibility: (N,) 0..1.
        colour: RGB of the opening.
        discs: Polygons (M, 2) px with their colours, back to front.
    """
    mean_visibility = float(visibility.sum()) / len(visibility)
    low = np.floor(points.min(axis=0)).astype(int) - 2
    high = np.ceil(points.max(axis=0)).astype(int) + 3
    size_wh = np.array(canvas.image_rgb.shape[1::-1])
    low, high = np.maximum(low, 0), np.minimum(high, size_wh)
    if mean_visibility <= _VISIBLE or (high <= low).any():
        return
    openness = _openness(points, canvas.scale)
    if openness <= 0:
        return
    patch = canvas.image_rgb[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_fixed(points - low)], 255, cv2.LINE_AA, _SHIFT)
    inside = np.empty_like(patch)
    inside[:] = colour
    for polygon, disc_colour in discs:
        cv2.fillPoly(inside, [_fixed(polygon - low)], disc_colour, cv2.LINE_AA, _SHIFT)
    alpha = mask[..., None] * np.float32(openness / 255)
    patch[:] = np.rint(patch + (inside * np.float32(mean_visibility) - patch) * alpha)


def _openness(points: np.ndarray, scale: float) -> float:
    """Return 0 for a shut opening, 1 from one pixel of mean height (at 256 px) on."""
    x, y = (points - points[0]).T
    area = abs(float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]))) / 2
    length = math.sqrt(float((x * x + y * y).max()))
    return min(max((area / max(length, 1e-6) / scale - 0.3) / 0.7, 0.0), 1.0)


def _fixed(points: np.ndarray) -> np.ndarray:
    """Return (N, 2) px as int32 with `_SHIFT` binary places, pixel centres at whole numbers as OpenCV has them."""
    return np.rint(points * (1 << _SHIFT) - (1 << _SHIFT) / 2).astype(np.int32)


def _faded(colour: tuple[int, int, int], strength: float) -> tuple[int, int, int]:
    red, green, blue = colour
    strength = min(max(float(strength), 0.0), 1.0)
    return round(red * strength), round(green * strength), round(blue * strength)
