"""Taking a clean, flat background off a drawing that came without alpha.

In: RGB of one colour all around the character. Out: straight-alpha RGBA, or a PackError that says how to give a matte.

    border ring --> its one colour --> what is of that colour and hangs together with the border --> alpha 0
    the rim of what is left --> how much of the background is mixed into it --> alpha between, colours unmixed

A paper's white inside the character stays: only what the border reaches goes. Through the lower edge alone the border
does not reach either, for there a bust is cut and its white shirt meets the frame. On a strong colour, which is there
to be keyed out, every area of it goes. Where a white face meets white paper without a line between them, the paper runs
into the face: `is_eaten` tells.
"""

import cv2
import numpy as np

from perfkit.errors import PackError

_RING_PX = 2
_LEAST_RING_SHARE = 0.4
_RING_SPREAD = 12
_TOLERANCES = {False: (4.0, 24.0), True: (10.0, 32.0)}
"""Lossy or not -> least and greatest difference from the background's colour, levels, that still is background."""
_RIM_PX = {False: 2.0, True: 3.0}
_STRONG_COLOUR = 64
_LEAST_HOLE_SHARE = 1e-4
_SHARE_LIMITS = 0.02, 0.98
_MOST_RECTANGULAR = 0.97
_MIX_RESIDUE = 36.0
_NEAR_PX = 3.0
_LEAST_PIECE_SHARE = 1e-4
_MOST_ENCLOSED = 0.2


def key_background(image_rgb: np.ndarray, *, is_lossy: bool) -> np.ndarray:
    """Take the background off.

    Args:
        image_rgb: (H, W, 3) uint8.
        is_lossy: Whether the format blurred the edges.

    Returns:
        (H, W, 4) uint8, straight alpha.

    Raises:
        PackError: The border is not of one colour, nothing is left, or a rectangle is: a frame, a scene.
    """
    colour, noise = _find_colour(image_rgb)
    low, high = _TOLERANCES[is_lossy]
    tolerance = min(max(low, 3 * noise + 2), high)
    difference = np.abs(image_rgb.astype(np.int16) - colour.astype(np.int16)).max(axis=-1)
    background = _grow_from_border(difference <= tolerance, is_strong=int(np.ptp(colour)) >= _STRONG_COLOUR)
    share = float(background.mean())
    if not _SHARE_LIMITS[0] <= share <= _SHARE_LIMITS[1]:
        raise _refuse(f"{share:.0%} of it is of the border's colour")
    rows, columns = np.flatnonzero(~background.all(axis=1)), np.flatnonzero(~background.all(axis=0))
    box = background[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    is_inside = not any(background.shape[axis] - 1 in each or 0 in each for axis, each in enumerate((rows, columns)))
    if is_inside and 1 - box.mean() > _MOST_RECTANGULAR:
        raise _refuse("within its border it is a full rectangle, a frame or a scene")
    if is_lossy:
        _drop_specks(background)
    return _unmix_rim(image_rgb, background, colour.astype(np.float32), (_RIM_PX[is_lossy], 2 * tolerance))


def is_eaten(rgba: np.ndarray) -> bool:
    """Return whether so much was taken off between parts of a drawing that the background probably ran into it."""
    kept, reach = rgba[..., 3] >= 128, np.maximum.accumulate
    enclosed = reach(kept, 0) & reach(kept[::-1], 0)[::-1] & reach(kept, 1) & reach(kept[:, ::-1], 1)[:, ::-1]
    return int((enclosed & ~kept).sum()) > _MOST_ENCLOSED * max(int(kept.sum()), 1)


def _refuse(reason: str) -> PackError:
    return PackError(
        f"has no alpha and no clean background ({reason}); export it with alpha, or put a matte beside it: "
        "NAME.matte.png, white where the character is"
    )


def _find_colour(image_rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the border's one colour (3,) and its noise, levels."""
    ring = np.ones(image_rgb.shape[:2], dtype=bool)
    ring[_RING_PX:-_RING_PX, _RING_PX:-_RING_PX] = False
    pixels = image_rgb[ring].astype(np.int16)
    coarse = (pixels // 16) @ np.array([256, 16, 1])
    colour = np.median(pixels[coarse == np.bincount(coarse).argmax()], axis=0)
    for _ in range(2):
        difference = np.abs(pixels - colour).max(axis=-1)
        colour = np.median(pixels[difference <= _RING_SPREAD], axis=0)
    difference = np.abs(pixels - colour).max(axis=-1)
    share = float((difference <= _RING_SPREAD).mean())
    if share < _LEAST_RING_SHARE:
        raise _refuse(f"only {share:.0%} of its border is of one colour")
    return np.rint(colour), float(np.quantile(difference[difference <= _RING_SPREAD], 0.95))


def _grow_from_border(close: np.ndarray, *, is_strong: bool) -> np.ndarray:
    """Return (H, W) bool: areas of the background's colour that belong to the background."""
    num_areas, areas, figures, _ = cv2.connectedComponentsWithStats(close.astype(np.uint8), connectivity=4)
    reached = np.zeros(num_areas, dtype=bool)
    for edge in (areas[0], areas[:, 0], areas[:, -1]):
        reached[edge] = True
    if is_strong:
        reached |= figures[:, cv2.CC_STAT_AREA] >= _LEAST_HOLE_SHARE * close.size
    reached[0] = False
    return reached[areas]


def _drop_specks(background: np.ndarray) -> None:
    """Count what a lossy format sprinkled around the character as background."""
    _, areas, figures, _ = cv2.connectedComponentsWithStats((~background).astype(np.uint8), connectivity=8)
    background |= (figures[:, cv2.CC_STAT_AREA] < _LEAST_PIECE_SHARE * background.size)[areas]


def _unmix_rim(
    image_rgb: np.ndarray, background: np.ndarray, colour: np.ndarray, rim: tuple[float, float]
) -> np.ndarray:
    """Give the rim the alpha and the colours that, over the background, look as drawn.

    Args:
        image_rgb: (H, W, 3) uint8.
        background: (H, W) bool.
        colour: (3,) float32, the background's.
        rim: Its width, px, and how different from the background a colour must be to be unmixed, levels.
    """
    width_px, least_contrast = rim
    kept = (~background).astype(np.uint8)
    to_background = cv2.distanceTransform(kept, cv2.DIST_L2, 5)
    rows, columns = np.nonzero((kept > 0) & (to_background <= width_px))
    out = np.dstack([image_rgb * kept[..., None], kept * 255])
    if not len(rows):
        return out
    seen = image_rgb[rows, columns].astype(np.float32)
    own = _colours_behind_rim(image_rgb, to_background, (rows, columns), (colour, width_px))
    way = own - colour
    contrast = (way * way).sum(axis=-1)
    alpha = np.clip(((seen - colour) * way).sum(axis=-1) / np.maximum(contrast, 1e-3), 0.0, 1.0)
    residue = np.abs(colour + alpha[:, None] * way - seen).max(axis=-1)
    alpha[(contrast < least_contrast**2) | (residue > _MIX_RESIDUE)] = 1.0
    unmixed = (seen - (1 - alpha[:, None]) * colour) / np.maximum(alpha[:, None], 0.05)
    out[rows, columns, :3] = np.clip(np.rint(unmixed), 0, 255).astype(np.uint8)
    out[rows, columns, 3] = np.rint(255 * alpha).astype(np.uint8)
    out[out[..., 3] == 0] = 0
    return out


def _colours_behind_rim(
    image_rgb: np.ndarray,
    to_background: np.ndarray,
    places: tuple[np.ndarray, np.ndarray],
    background: tuple[np.ndarray, float],
) -> np.ndarray:
    """Return (N, 3) float32, the character's own colour at each place of the rim.

    It is that of the nearest pixel behind the rim; where the character is but a thin line, the one that differs most
    from the background within two pixels.
    """
    colour, width_px = background
    rows, columns = places
    is_rim = (to_background <= width_px).astype(np.uint8)
    distance, labels = cv2.distanceTransformWithLabels(is_rim, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colour_of_label = np.zeros((int(labels.max()) + 1, 3), dtype=np.float32)
    colour_of_label[labels[is_rim == 0]] = image_rgb[is_rim == 0]
    own = colour_of_label[labels[rows, columns]]
    thin = np.flatnonzero(distance[rows, columns] > _NEAR_PX)
    best = np.full(len(thin), -1.0, dtype=np.float32)
    height, width = to_background.shape
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            y = np.clip(rows[thin] + dy, 0, height - 1)
            x = np.clip(columns[thin] + dx, 0, width - 1)
            candidate = image_rgb[y, x].astype(np.float32)
            far = np.abs(candidate - colour).max(axis=-1)
            better = far > best
            own[thin[better]], best[better] = candidate[better], far[better]
    return own
