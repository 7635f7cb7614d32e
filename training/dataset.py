"""A character's drawings as a training set: pictures with their control pictures, each also shifted, scaled and tilted.

In: a CharacterPack. Out: premultiplied RGBA and control pictures, uint8, in the base's size, one by one. NumPy only.

    drawing 0   as drawn | placed otherwise | placed otherwise ...     rows: drawing-major
    drawing 1   as drawn | ...

A placement moves picture and control points by the same similarity, so that 48 drawings also teach where a performer
may stand. The control picture is drawn anew from the moved points: its lines keep their width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.control import draw_control_frame
from perfkit.errors import PackError
from perfkit.pack import CharacterPack
from perfkit.vocabulary import CONTOUR_SLICES

_MAX_TILT_DEG = 6.0
_SCALE_RANGE = (0.92, 1.12)
_MAX_SHIFT = 0.05
_FEATURES = ("left_eye", "right_eye", "left_brow", "right_brow", "outer_lips")
_FEATURE_MARGIN = 1 / 64
_LEAST_SEEN = 0.3


@dataclass(frozen=True, eq=False)
class PlacedDrawing:
    """A drawing as it is, or placed otherwise.

    Attributes:
        picture: (H, W, 4) uint8 RGBA, colours premultiplied by alpha.
        control: (H, W, 3) uint8 RGB in one control style.
        features: (H, W) bool, where eyes, brows and lips are, and a little around them.
        drawing: Which drawing of the pack it shows.
    """

    picture: np.ndarray
    control: np.ndarray
    features: np.ndarray
    drawing: int


@dataclass(frozen=True)
class Placing:
    """How a pack's drawings become rows.

    Attributes:
        image_wh: The base's picture size, px.
        style: Control style of the base.
        num_placements: Rows per drawing; the first is the drawing as it is.
        seed: Key of the placements.
    """

    image_wh: tuple[int, int]
    style: str
    num_placements: int = 1
    seed: int = 0


def iterate_placed(
    pack: CharacterPack, placing: Placing, drawings: Sequence[int] | None = None
) -> Iterator[PlacedDrawing]:
    """Read, place and draw some of a pack's drawings, None: all; same arguments, same bytes.

    A drawing is placed in the same ways whichever others are asked for.

    Raises:
        PackError: No drawings or landmarks, or a drawing that is no RGBA picture of the canvas' size.
    """
    if not pack.art:
        raise PackError(f"{pack.folder}: has no [[art]]; training needs drawings")
    placements = _draw_placements(len(pack.art), placing.num_placements, placing.seed)
    landmarks = pack.load_landmarks()
    gain = np.array(placing.image_wh) / np.array(pack.canvas_wh)
    for index in range(len(pack.art)) if drawings is None else drawings:
        drawn = _read_premultiplied(pack, index, placing.image_wh)
        for placement in placements[index]:
            image_from_drawing = _make_similarity(placement, placing.image_wh)
            body = landmarks.body[index].astype(np.float64)
            body[:, :2] = _move(body[:, :2] * gain, image_from_drawing)
            face, visibility = _move(landmarks.face[index] * gain, image_from_drawing), landmarks.visibility[index]
            control = draw_control_frame(
                face,
                visibility,
                body=body,
                hands=_move(landmarks.hands[index] * gain, image_from_drawing),
                canvas_wh=placing.image_wh,
                style=placing.style,
            )
            features = _find_features(face, visibility, placing.image_wh)
            yield PlacedDrawing(_warp(drawn, image_from_drawing), control, features, index)


def _draw_placements(num_drawings: int, num_placements: int, seed: int) -> np.ndarray:
    """Return (N, P, 4) tilt in degrees, scale, shift x, shift y (shares of the picture); placement 0 moves nothing."""
    rng = np.random.default_rng([seed, num_drawings])
    shape = (num_drawings, num_placements)
    placements = np.stack(
        [
            rng.uniform(-_MAX_TILT_DEG, _MAX_TILT_DEG, shape),
            rng.uniform(*_SCALE_RANGE, shape),
            rng.uniform(-_MAX_SHIFT, _MAX_SHIFT, shape),
            rng.uniform(-_MAX_SHIFT, _MAX_SHIFT, shape),
        ],
        axis=-1,
    )
    placements[:, 0] = (0, 1, 0, 0)
    return placements


def _find_features(face: np.ndarray, visibility: np.ndarray, image_wh: tuple[int, int]) -> np.ndarray:
    """Return (H, W) bool: the hulls of eyes, brows and lips that are seen, widened by `_FEATURE_MARGIN` pictures."""
    found = np.zeros((image_wh[1], image_wh[0]), np.uint8)
    for name in _FEATURES:
        rows = CONTOUR_SLICES[name]
        if visibility[rows].mean() >= _LEAST_SEEN:
            cv2.fillConvexPoly(found, cv2.convexHull(np.rint(face[rows]).astype(np.int32)), 1)
    reach = round(_FEATURE_MARGIN * image_wh[0])
    return cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))) > 0


def _make_similarity(placement: np.ndarray, image_wh: tuple[int, int]) -> np.ndarray:
    """Return (2, 3): turn and scale about the picture's middle, then shift; px with the origin at the corner."""
    tilt_deg, scale, shift_x, shift_y = placement
    middle = np.array(image_wh) / 2
    angle = np.deg2rad(tilt_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = middle - turn @ middle + np.array([shift_x, shift_y]) * image_wh
    return np.column_stack([turn, shift])


def _move(points: np.ndarray, transform: np.ndarray) -> np.ndarray:
    return points @ transform[:, :2].T + transform[:, 2]


def _warp(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Move a picture; what enters from outside repeats the edge, so that a cut body stays cut by the frame."""
    if np.array_equal(transform, [[1, 0, 0], [0, 1, 0]]):
        return picture
    from_index = transform.copy()
    from_index[:, 2] += transform[:, :2] @ [0.5, 0.5] - 0.5
    size_wh = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, from_index, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def read_pictures(pack: CharacterPack, drawings: list[int], *, image_wh: tuple[int, int]) -> np.ndarray:
    """Read some of a pack's drawings, (N, H, W, 4) uint8 straight-alpha RGBA in the base's size.

    Raises:
        PackError: A drawing that is no RGBA picture of the canvas' size.
    """
    pictures = np.stack([_read_premultiplied(pack, index, image_wh) for index in drawings]).astype(np.float32)
    pictures[..., :3] = np.minimum(pictures[..., :3] * 255 / np.maximum(pictures[..., 3:], 1), 255)
    return pictures.round().astype(np.uint8)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Return (H, W, 4) uint8 with colours multiplied by alpha, of straight-alpha uint8 RGBA."""
    premultiplied = rgba.astype(np.float32)
    premultiplied[..., :3] *= premultiplied[..., 3:] / 255
    return premultiplied.round().astype(np.uint8)


def _read_premultiplied(pack: CharacterPack, index: int, image_wh: tuple[int, int]) -> np.ndarray:
    path = pack.folder / pack.art[index].file
    encoded = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if len(encoded) else None
    expected = (pack.canvas_wh[1], pack.canvas_wh[0], 4)
    if picture is None or picture.dtype != np.uint8 or picture.shape != expected:
        got = "no picture" if picture is None else f"{picture.dtype} {picture.shape}"
        raise PackError(f"{path}: got {got}, expected an 8-bit RGBA picture {expected} (height, width, 4); redraw it")
    premultiplied = premultiply(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA))
    if image_wh == pack.canvas_wh:
        return premultiplied
    is_smaller = image_wh[0] < pack.canvas_wh[0]
    return cv2.resize(premultiplied, image_wh, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC)
