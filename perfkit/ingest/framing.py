"""Where drawings go on a pack's canvas: one window for all that were drawn on the same sheet.

In: sizes of pictures and where their characters stand in them. Out: a `Window` per picture; pictures on the canvas.

    pictures of one shape (width : height) share a sheet     their characters' common box --> one scale, one place
    a picture of another shape has its own                   so a head that turns stays where it was drawn

A figure that an edge of its sheet cuts is cut by that edge of the canvas; elsewhere it keeps a little distance.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.errors import PackError
from perfkit.ingest.read import premultiply, unpremultiply

FRAMINGS: tuple[str, ...] = ("auto", "whole", "bust")
"""whole: all that is drawn is on the canvas. bust: its upper part, as wide as the canvas. auto: bust if it is tall."""

_TALL = 1.5
_SAME_SHAPE = 0.01
_TOUCH = 2e-3
_LEAST_ALPHA = 8
_MARGIN = 0.03


@dataclass(frozen=True)
class Extent:
    """Where the character stands in its picture, as shares of the picture's width and height.

    Attributes:
        size_wh: Of the picture, px.
        box_xyxy: Left, top, right, bottom of what is drawn.
    """

    size_wh: tuple[int, int]
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class Window:
    """How a picture goes onto the canvas.

    Attributes:
        scale: Canvas px per share of the picture's width.
        left_top: Where the picture's corner lands, canvas px.
    """

    scale: float
    left_top: tuple[float, float]


def measure_extent(rgba: np.ndarray, *, size_wh: tuple[int, int]) -> Extent:
    """Find the box of what is drawn.

    Args:
        rgba: (H, W, 4) uint8, perhaps smaller than the picture in its file.
        size_wh: The picture's size in its file.

    Raises:
        PackError: Nothing is drawn.
    """
    drawn = rgba[..., 3] > _LEAST_ALPHA
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        raise PackError("is empty: every pixel is transparent; export it again")
    height, width = drawn.shape
    box = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    return Extent(size_wh, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))


def choose_windows(extents: Mapping[str, Extent], canvas_wh: tuple[int, int], framing: str) -> dict[str, Window]:
    """Choose one window for each group of pictures of one shape.

    Args:
        extents: Name of a picture -> where its character stands.
        canvas_wh: The pack's canvas, px.
        framing: One of `FRAMINGS`.
    """
    windows: dict[str, Window] = {}
    for names in group_by_shape(extents):
        window = _choose_window([extents[name] for name in names], canvas_wh, framing)
        windows |= dict.fromkeys(names, window)
    return windows


def group_by_shape(extents: Mapping[str, Extent]) -> list[list[str]]:
    """Return the names of pictures that share a shape, group by group."""
    groups: dict[int, list[str]] = defaultdict(list)
    for name, extent in extents.items():
        width, height = extent.size_wh
        groups[round(np.log(width / height) / _SAME_SHAPE)].append(name)
    return list(groups.values())


def place_on_canvas(rgba: np.ndarray, window: Window, canvas_wh: tuple[int, int]) -> np.ndarray:
    """Return (H, W, 4) uint8 straight-alpha RGBA of the canvas' size."""
    gain = window.scale / rgba.shape[1]
    size_wh = (max(1, round(rgba.shape[1] * gain)), max(1, round(rgba.shape[0] * gain)))
    shrinks = gain < 1
    scaled = cv2.resize(premultiply(rgba), size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    scaled = np.clip(scaled, 0, 255)
    canvas = np.zeros((canvas_wh[1], canvas_wh[0], 4), np.float32)
    left, top = round(window.left_top[0]), round(window.left_top[1])
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas_wh[0], left + size_wh[0]), min(canvas_wh[1], top + size_wh[1])
    canvas[y0:y1, x0:x1] = scaled[y0 - top : y1 - top, x0 - left : x1 - left]
    return unpremultiply(canvas)


def points_on_canvas(points: np.ndarray, window: Window, size_wh: tuple[int, int]) -> np.ndarray:
    """Carry points (..., 2) from a picture's own px to the canvas."""
    return points * (window.scale / size_wh[0]) + np.round(window.left_top)


def _choose_window(extents: list[Extent], canvas_wh: tuple[int, int], framing: str) -> Window:
    """Return the window of one sheet; in its units the sheet is 1 wide and `tall` high."""
    boxes = np.array([extent.box_xyxy for extent in extents])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    is_cut = left < _TOUCH, top < _TOUCH, right > 1 - _TOUCH, bottom > 1 - _TOUCH
    tall = extents[0].size_wh[1] / extents[0].size_wh[0]
    margin_x = _MARGIN * min(right - left, (bottom - top) * tall)
    margin_y = margin_x / tall
    left, right = left - margin_x * (not is_cut[0]), right + margin_x * (not is_cut[2])
    top, bottom = top - margin_y * (not is_cut[1]), bottom + margin_y * (not is_cut[3])
    width, height = right - left, (bottom - top) * tall
    canvas_width, canvas_height = canvas_wh
    fits = min(canvas_width / width, canvas_height / height)
    is_tall = height / width > _TALL * canvas_height / canvas_width
    if framing == "bust" or (framing == "auto" and is_tall):
        scale = max(fits, canvas_width / width)
        y = -top * tall * scale
    else:
        scale = fits
        free = canvas_height - height * scale
        y = -top * tall * scale + (free if is_cut[3] else free / 2)
    x = canvas_width / 2 - (left + right) / 2 * scale
    if is_cut[0] and not is_cut[2]:
        x = min(x, 0.0)
    elif is_cut[2] and not is_cut[0]:
        x = max(x, canvas_width - scale)
    return Window(float(scale), (float(x), float(y)))
