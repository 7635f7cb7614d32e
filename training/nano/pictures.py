"""The drawings that nano learns from, each one a pure function of a seed and an index.

In: the puppet. Out: `Example`s (picture, control points, caption) and plain pictures for the autoencoder.
Nothing is stored: the same index gives the same bytes, so a resumed training sees what an unbroken one would have seen.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.control import draw_control_frame
from perfkit.inference.engines.nano_model import PICTURE_PX
from perfkit.metrics import eye_distance_from_rig
from perfkit.training.puppet import (
    Drawing,
    caption,
    draw,
    draw_pose,
    pose_performance,
    sample_character,
    sample_light,
    sample_performance,
)
from perfkit.training.puppet.texture import draw_texture

HELD_OUT_SEED = 900_000_000
"""Characters from this seed on are never trained on."""


@dataclass(frozen=True, eq=False)
class Example:
    """One training drawing: straight-alpha RGBA (256, 256, 4) uint8, what controls it, and its caption.

    `eye_distance_px` is the distance of the character's eyes as if seen from the front: the unit of landmark errors.
    """

    drawing: Drawing
    caption: str
    eye_distance_px: float

    def control_rgb(self) -> np.ndarray:
        """Draw the control picture, (256, 256, 3) uint8."""
        drawing = self.drawing
        return draw_control_frame(
            drawing.face,
            drawing.visibility,
            body=drawing.body,
            hands=drawing.hands,
            canvas_wh=(PICTURE_PX, PICTURE_PX),
            style="nano",
        )


def make_example(index: int, seed: int = 0) -> Example:
    """Draw example `index`: a character that no other index has, in a performance and a light of its own."""
    rng = np.random.default_rng([seed, index])
    puppet = sample_character(int(rng.integers(HELD_OUT_SEED)) if index < HELD_OUT_SEED else index)
    pose, light = pose_performance(puppet.rig, sample_performance(rng), size=PICTURE_PX), sample_light(rng)
    return Example(
        drawing=draw_pose(puppet, pose, light, size=PICTURE_PX),
        caption=caption(puppet, light),
        eye_distance_px=float(eye_distance_from_rig(puppet.rig, pose.head[5])),
    )


def make_picture(index: int, seed: int = 0) -> np.ndarray:
    """Draw picture `index` for the autoencoder, RGBA uint8: puppets, textures and puppets in textures."""
    rng = np.random.default_rng([seed, index, 1])
    kind = rng.random()
    if kind < 0.3:
        return draw_texture(rng, PICTURE_PX)
    puppet = draw(
        sample_character(int(rng.integers(HELD_OUT_SEED))), sample_performance(rng), sample_light(rng), size=PICTURE_PX
    ).rgba
    if kind < 0.45:
        return _overlay(draw_texture(rng, PICTURE_PX), puppet, amount=rng.uniform(0.15, 0.7))
    return puppet


def _overlay(texture_rgba: np.ndarray, puppet_rgba: np.ndarray, amount: float) -> np.ndarray:
    """Lay a texture over a puppet's own shape, so that characters with patterned skin and cloth are seen too."""
    weight = texture_rgba[..., 3:].astype(np.float32) / 255 * amount
    rgb = puppet_rgba[..., :3] * (1 - weight) + texture_rgba[..., :3] * weight
    return np.concatenate([np.rint(rgb).astype(np.uint8), puppet_rgba[..., 3:]], axis=-1)


CROPS_PER_PICTURE = 4


def make_crops(first: int, last: int, *, seed: int = 0, size: int = 128) -> np.ndarray:
    """Cut crops `first` ... `last` - 1 of the endless row of crops, (last - first, size, size, 4) uint8.

    Each picture yields `CROPS_PER_PICTURE` neighbours of that row, to which `first` and `last` are aligned.
    """
    crops = []
    for number in range(first // CROPS_PER_PICTURE, last // CROPS_PER_PICTURE):
        rng = np.random.default_rng([seed, number, 2])
        picture = make_picture(number, seed)
        crops += [_crop(picture, rng, size) for _ in range(CROPS_PER_PICTURE)]
    return np.stack(crops)


def _crop(picture: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Cut a crop, half of them around the picture's centre of interest, some mirrored and with turned colours."""
    spread = PICTURE_PX - size
    x, y = rng.integers(spread + 1, size=2) if rng.random() < 0.5 else rng.integers(spread // 4, 3 * spread // 4 + 1, 2)
    crop = picture[y : y + size, x : x + size]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.3:
        crop = np.concatenate([crop[..., rng.permutation(3)], crop[..., 3:]], axis=-1)
    return crop
