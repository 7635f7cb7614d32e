"""Whether the character stays itself: its colours against its own art, and what of the performer comes through.

In: pictures with contour points, shapes in head space. Out: palettes, floats. Face recognition says nothing about
cartoons, and networks of perception need a download; what makes a cartoon itself is the colour of each of its parts and
the shape of its face, and both can be measured where they are.
"""

import cv2
import numpy as np

from perfkit.metrics.steadiness import lab_from_rgb
from perfkit.vocabulary import CONTOUR_SLICES

PALETTE_PARTS: tuple[str, ...] = ("skin", "lips", "brows", "irises", "crown")
"""Parts whose colour is read; the crown is the ring above the forehead: hair, hat or bald skin."""

LEAST_DISTANCE = 5.0
"""Distance of two palettes under which the performer has the character's own colours, and no leak can be told."""
LEAST_SHAPE_DISTANCE = 0.02
"""The same for shapes, root mean square in head units."""

_LEAST_PIXELS = 12
_LEAST_SHOWN = 0.6
"""Share of an iris between the lids, and of the crown on the character, from which its colour is its own."""
_CROWN_REACH = 1.22


def read_palette(
    image_rgb: np.ndarray, points: np.ndarray, visibility: np.ndarray, *, region: np.ndarray | None = None
) -> np.ndarray:
    """Read the colour of a face's parts.

    Args:
        image_rgb: (H, W, 3) uint8.
        points: (K, 2) px, contour points.
        visibility: (K,) in 0..1; a part is read where its points are at least half visible.
        region: (H, W) bool, where the character is; everywhere by default.

    Returns:
        (5, 3) float64: median Lab of each part without its rim (of irises the mean), rows as `PALETTE_PARTS`; NaN for
        parts that are not seen or too thin to have more than a rim.
    """
    lab = lab_from_rgb(image_rgb)
    palette = np.full((len(PALETTE_PARTS), 3), np.nan)
    region = np.ones(image_rgb.shape[:2], dtype=bool) if region is None else region
    for row, mask in enumerate(_draw_parts(points, visibility, region)):
        pixels = lab[cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0]
        if len(pixels) >= _LEAST_PIXELS:
            is_of_two_colours = PALETTE_PARTS[row] == "irises"  # a pupil and its ring: no median lies between
            palette[row] = pixels.mean(axis=0) if is_of_two_colours else np.median(pixels, axis=0)
    return palette


def measure_palette_distance(palette: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Measure how far colours are from a reference's.

    Args:
        palette: (..., P, 3) Lab of parts; NaN = not seen.
        reference: (P, 3).

    Returns:
        (...) mean distance over the parts seen in both, >= 0; 2.3 is just noticeable, 100 is black to white; NaN when
        none is seen.

    Source: CIE 1976 colour difference; 2.3 by Mahy et al. 1994.
    """
    distance = np.linalg.norm(palette - reference, axis=-1)
    is_seen = np.isfinite(distance)
    count = is_seen.sum(axis=-1)
    total = np.where(is_seen, distance, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def measure_leak(output: np.ndarray, own: np.ndarray, performer: np.ndarray, *, least_distance: float) -> float:
    """Measure which share of the way from the character to the performer the output has gone.

    The output's departure from the character is regressed on the performer's: <o - c, p - c> / |p - c|^2. What departs
    in any other direction (another light, a misread point) does not count.

    Args:
        output: Palette or shape of the output, any shape; NaN = not seen.
        own: The character's, same shape.
        performer: The performer's, same shape.
        least_distance: Distance of performer and character, root mean square over the last axis' vectors, under which
            they are too alike to tell.

    Returns:
        0 = the character's own, 1 = the performer's; NaN when they are too alike or nothing is seen in all three.

    Source: least squares in one dimension.
    """
    is_seen = np.isfinite(output) & np.isfinite(own) & np.isfinite(performer)
    is_seen &= is_seen.all(axis=-1, keepdims=True)
    if not is_seen.any():
        return float("nan")
    way = np.where(is_seen, performer - own, 0.0)
    gone = np.where(is_seen, output - own, 0.0)
    square = float((way * way).sum())
    num_vectors = int(is_seen[..., 0].sum())
    if square <= num_vectors * least_distance**2:
        return float("nan")
    return float((gone * way).sum() / square)


def _draw_parts(points: np.ndarray, visibility: np.ndarray, region: np.ndarray) -> list[np.ndarray]:
    """Return a mask (H, W) bool of every palette part inside the region."""
    rows, shape_hw = CONTOUR_SLICES, region.shape
    eyes = _fill(points, visibility, [rows["left_eye"], rows["right_eye"]], shape_hw)
    brows = _fill(points, visibility, [rows["left_brow"], rows["right_brow"]], shape_hw)
    lips = _fill(points, visibility, [rows["outer_lips"]], shape_hw)
    mouth = _fill(points, visibility, [rows["inner_lips"]], shape_hw)
    rims = [slice(rows[name].start + 1, rows[name].stop) for name in ("left_iris", "right_iris")]
    irises = _fill(points, visibility, rims, shape_hw)
    oval, seen = points[rows["face_oval"]], visibility[rows["face_oval"]]
    middle = oval.mean(axis=0)
    reach = max(3, int(0.06 * np.ptp(oval[:, 1]))) if np.isfinite(oval).all() else 3
    features = cv2.dilate((eyes | brows | lips).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    face = _fill(middle + 0.9 * (oval - middle), seen, [slice(None)], shape_hw)
    top = np.r_[28:36, 0:9]
    ring = np.concatenate([middle + _CROWN_REACH * (oval[top] - middle), (middle + 1.04 * (oval[top] - middle))[::-1]])
    crown = _fill(ring, np.concatenate([seen[top], seen[top]]), [slice(None)], shape_hw)
    return [
        face & ~features & region,
        lips & ~mouth & region,
        brows & region,
        _keep_if_shown(irises, eyes & region),
        _keep_if_shown(crown, region),
    ]


def _keep_if_shown(mask: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return what is shown of a part; nothing when most of it is not."""
    visible = mask & shown
    return visible if visible.sum() >= _LEAST_SHOWN * mask.sum() else np.zeros_like(mask)


def _fill(points: np.ndarray, visibility: np.ndarray, parts: list[slice], shape_hw: tuple[int, int]) -> np.ndarray:
    """Return a mask of polygons; those that are not half visible, or NaN, are left out."""
    mask = np.zeros(shape_hw, np.uint8)
    for rows in parts:
        polygon = points[rows]
        if np.isfinite(polygon).all() and visibility[rows].mean() >= 0.5:
            cv2.fillPoly(mask, [np.rint(16 * polygon).astype(np.int32)], 255, shift=4)
    return mask > 0
