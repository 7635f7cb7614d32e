"""Training crops for the landmark network: puppets over any background, at any size, tilt and colour.

In: an index. Out: crops with their points, a pure function of the index, so that a resumed training sees the same.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.training.landmark_net.cutting import cut_crop, make_crop_transform
from perfkit.training.landmark_net.network import INPUT_PX
from perfkit.training.puppet import draw_pose, pose_performance, sample_character, sample_light, sample_performance
from perfkit.training.puppet.texture import draw_texture
from perfkit.vocabulary import NUM_CONTOUR_POINTS

HELD_OUT_SEED = 900_000_000
"""Characters from this seed on are never trained on."""

CROPS_PER_DRAWING = 3
_MAX_TILT_DEG = 35.0
_FACE_SHARE = (0.3, 0.92)
_CLOSE_SHARE = (0.5, 0.92)
_CLOSE_TILT_DEG = 10.0
_NEGATIVE_SHARE = 0.04


@dataclass(frozen=True, eq=False)
class Crops:
    """B crops.

    Attributes:
        pictures: (B, 128, 128, 3) uint8 RGB.
        points: (B, K, 2) float32, shares of the crop; may lie outside 0..1.
        visibility: (B, K) float32 in 0..1; 0 outside the crop and for pictures without a face.
        unit: (B,) float32, one head unit as a share of the crop.
    """

    pictures: np.ndarray
    points: np.ndarray
    visibility: np.ndarray
    unit: np.ndarray


def make_crops(index: int, *, num_drawings: int, seed: int = 0) -> Crops:
    """Draw batch `index`: `CROPS_PER_DRAWING` crops of each of `num_drawings` new characters.

    The first crop of each is what the network is mostly asked: a clean drawing, as closely as `net` looks in the end.
    """
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, float]] = []
    for number in range(num_drawings):
        rng = np.random.default_rng([seed, index, number])
        puppet = sample_character(int(rng.integers(HELD_OUT_SEED)))
        pose = pose_performance(puppet.rig, sample_performance(rng))
        drawing = draw_pose(puppet, pose, sample_light(rng))
        premultiplied = _premultiply(drawing.rgba)
        for take in range(CROPS_PER_DRAWING):
            is_close = take == 0
            crop_from_picture = _look_closely(rng, drawing.face) if is_close else _draw_similarity(rng, drawing.face)
            points = (drawing.face @ crop_from_picture[:, :2].T + crop_from_picture[:, 2]) / INPUT_PX
            picture = cut_crop(premultiplied, crop_from_picture)
            if is_close:
                picture = _dress_lightly(rng, picture)
            else:
                picture, points = _view_aslant(rng, picture, points)
                picture = _dress(rng, picture)
            is_inside = ((points > 0) & (points < 1)).all(axis=-1)
            unit = float(pose.head[5]) * float(np.hypot(*crop_from_picture[0, :2])) / INPUT_PX
            rows.append((picture, points, drawing.visibility * is_inside, unit))
        if rng.random() < _NEGATIVE_SHARE * CROPS_PER_DRAWING:
            picture = _dress(rng, np.zeros((INPUT_PX, INPUT_PX, 4), np.uint8))
            rows[-1] = (picture, rows[-1][1], np.zeros(NUM_CONTOUR_POINTS), rows[-1][3])
    pictures, points, visibility, unit = zip(*rows, strict=True)
    return Crops(
        np.stack(pictures),
        np.stack(points).astype(np.float32),
        np.stack(visibility).astype(np.float32),
        np.array(unit, dtype=np.float32),
    )


def _look_closely(rng: np.random.Generator, face: np.ndarray) -> np.ndarray:
    """Cut as `net` does once it has found the face, but less exactly.

    Were the cut as exact as the points that it is made from, the network would read the face's edge off the cut.
    """
    low, high = face.min(axis=0), face.max(axis=0)
    side = float((high - low).max()) / rng.uniform(*_CLOSE_SHARE)
    centre = 0.5 * (low + high) + side * rng.normal(0, 0.06, 2)
    tilt = rng.uniform(-_CLOSE_TILT_DEG, _CLOSE_TILT_DEG)
    return make_crop_transform(centre, side, tilt_deg=float(tilt))


def _draw_similarity(rng: np.random.Generator, face: np.ndarray) -> np.ndarray:
    low, high = face.min(axis=0), face.max(axis=0)
    share = np.exp(rng.uniform(*np.log(_FACE_SHARE)))
    side = float((high - low).max()) / share
    slack = 0.5 * (side - (high - low)) + 0.06 * side
    centre = 0.5 * (low + high) + rng.uniform(-1, 1, 2) * np.maximum(slack, 0) * rng.uniform(0.2, 0.9)
    tilt = rng.normal(0, 0.35) * _MAX_TILT_DEG
    transform = make_crop_transform(centre, side, tilt_deg=float(np.clip(tilt, -_MAX_TILT_DEG, _MAX_TILT_DEG)))
    squeeze = np.eye(2) + rng.uniform(-0.08, 0.08, (2, 2))
    middle = np.full(2, INPUT_PX / 2)
    return np.column_stack([squeeze @ transform[:, :2], squeeze @ (transform[:, 2] - middle) + middle])


def _view_aslant(rng: np.random.Generator, crop: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """View some crops in perspective, as a drawing on a page that is not held flat; points are shares of the crop."""
    if rng.random() > 0.3:
        return crop, points
    vanish = rng.uniform(-0.35, 0.35, 2)
    depth = 1 + (points - 0.5) @ vanish
    px_from_share = np.array([[INPUT_PX, 0, -0.5], [0, INPUT_PX, -0.5], [0, 0, 1]])
    to_middle = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    view = np.array([[1, 0, 0], [0, 1, 0], [vanish[0], vanish[1], 1]])
    homography = px_from_share @ np.linalg.inv(to_middle) @ view @ to_middle @ np.linalg.inv(px_from_share)
    warped = cv2.warpPerspective(crop, homography, (INPUT_PX, INPUT_PX), borderMode=cv2.BORDER_REPLICATE)
    return warped, 0.5 + (points - 0.5) / depth[:, None]


def _premultiply(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.uint16)
    colour = (rgba[..., :3] * alpha + 127) // 255
    return np.concatenate([colour, alpha], axis=-1).astype(np.uint8)


def _dress(rng: np.random.Generator, premultiplied: np.ndarray) -> np.ndarray:
    """Lay a crop over a background, then disturb colours, sharpness and grain; (128, 128, 3) uint8."""
    picture = _lay_over_background(rng, premultiplied)
    if rng.random() < 0.1:
        texture = draw_texture(rng, INPUT_PX).astype(np.float32)
        picture += (texture[..., :3] - picture) * (texture[..., 3:] / 255 * np.float32(rng.uniform(0.1, 0.4)))
    if rng.random() < 0.08:
        picture += _draw_screen_tone(rng)
    if rng.random() < 0.3:
        _cover(rng, picture)
    mean = float(picture.mean())
    picture = (picture - mean) * rng.uniform(0.6, 1.3) + mean + rng.uniform(-35, 35)
    picture *= rng.uniform(0.8, 1.2, 3).astype(np.float32)
    if rng.random() < 0.25:
        grey = picture.mean(axis=-1, keepdims=True)
        picture = picture + (grey - picture) * np.float32(rng.uniform(0.3, 1))
    if rng.random() < 0.1:
        picture = np.ascontiguousarray(picture[..., rng.permutation(3)])
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.4:
        picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * rng.uniform(1, 12)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _dress_lightly(rng: np.random.Generator, premultiplied: np.ndarray) -> np.ndarray:
    """Lay a crop over a background, now and then as soft as a render; (128, 128, 3) uint8."""
    picture = _lay_over_background(rng, premultiplied)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.9)))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _lay_over_background(rng: np.random.Generator, premultiplied: np.ndarray) -> np.ndarray:
    alpha = premultiplied[..., 3:].astype(np.float32) / 255
    picture: np.ndarray = premultiplied[..., :3] + _draw_background(rng) * (1 - alpha)
    return picture


def _draw_background(rng: np.random.Generator) -> np.ndarray:
    """Return (128, 128, 3) float32: one colour, a gradient, or soft blots of 2 to 16 colours a side."""
    side = int(rng.choice([1, 2, 2, 4, 8, 16]))
    colours = rng.uniform(0, 255, (side, side, 3)).astype(np.float32)
    way = cv2.INTER_NEAREST if rng.random() < 0.2 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(colours, (INPUT_PX, INPUT_PX), interpolation=way).reshape(INPUT_PX, INPUT_PX, 3), 0, 255)


def _draw_screen_tone(rng: np.random.Generator) -> np.ndarray:
    """Return (128, 128, 1) float32: the dots or lines of printed shade, to be added."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(2.5, 7)
    y, x = np.mgrid[:INPUT_PX, :INPUT_PX] * (2 * np.pi / period)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wave = np.sin(u) if rng.random() < 0.4 else 0.5 * (np.sin(u) + np.sin(v))
    ink = np.clip(2 * (wave - rng.uniform(-0.3, 0.6)), 0, 1) * -rng.uniform(20, 90)
    return ink.astype(np.float32)[..., None]


def _cover(rng: np.random.Generator, picture: np.ndarray) -> None:
    """Cover a part, as hands and strands of hair do."""
    centre = tuple(int(value) for value in rng.integers(0, INPUT_PX, 2))
    axes = tuple(int(value) for value in rng.integers(3, 24, 2))
    colour = tuple(float(value) for value in rng.uniform(0, 255, 3))
    cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
