"""Beards and moustaches: they wrap around the lower face and move with jaw and lips."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene
from perfkit.vocabulary import CONTOUR_SLICES


def draw_beard(scene: Scene) -> None:
    """Draw beard or moustache, under the mouth and over the jaw; it moves with them."""
    kind = scene.look.beard
    if kind == "none" or scene.seen("outer_lips") < 0.12:
        return
    colour = palette.HAIR[scene.look.hair_colour]
    if scene.look.hair in ("bald", "mohawk") and palette.luma(colour) > 0.8:
        colour = palette.shaded(colour, 0.25)
    if kind in ("stubble", "full"):
        _draw_full(scene, colour)
    if kind in ("moustache", "full", "goatee"):
        _draw_moustache(scene, colour)
    if kind == "goatee":
        _draw_goatee(scene, colour)


def _draw_moustache(scene: Scene, colour: Colour) -> None:
    outer, base = scene.contour("outer_lips"), scene.contour("nose_base")
    drop = scene.unit * scene.rotation[:2, 1]
    lip, right, left = outer[15], outer[0], outer[10]
    under = base[2] + 0.25 * (lip - base[2])
    upper = [
        right + 0.02 * drop + 0.12 * (right - left),
        0.5 * (right + under) - 0.03 * drop,
        under,
        0.5 * (left + under) - 0.03 * drop,
        left + 0.02 * drop + 0.12 * (left - right),
    ]
    lower = [0.5 * (left + lip) + 0.02 * drop, lip - 0.012 * drop, 0.5 * (right + lip) + 0.02 * drop]
    scene.solid(ink.smooth(np.array(upper + lower)), colour, relief=0.05)


def _draw_goatee(scene: Scene, colour: Colour) -> None:
    chin = scene.place(scene.face3[CONTOUR_SLICES["face_oval"]][18] + (0.0, -0.04, 0.24))
    lip = scene.contour("outer_lips")[5]
    across, drop = scene.unit * scene.rotation[:2, 0], scene.unit * scene.rotation[:2, 1]
    shape = [
        lip - 0.17 * across + 0.03 * drop,
        lip + 0.05 * drop,
        lip + 0.17 * across + 0.03 * drop,
        chin + 0.16 * across - 0.02 * drop,
        chin + 0.1 * drop,
        chin - 0.16 * across - 0.02 * drop,
    ]
    scene.solid(ink.smooth(np.array(shape)), colour, relief=0.08)


def _draw_full(scene: Scene, colour: Colour) -> None:
    """Draw the beard as a region of the lower face that wraps around its limb, cut to the jaw as it moves."""
    rig = scene.rig
    ball = Ball(scene, (0.0, 0.0, 0.0), (1.04 * rig.face_width, 1.04, 1.05 * rig.depth))
    x = rig.face_width * np.array([0.16, 0.42, 0.66, 0.86, 0.95])
    y = np.array([rig.nose_y + 0.08, rig.nose_y + 0.1, rig.mouth_y - 0.14, rig.eye_y + 0.42, rig.eye_y + 0.2])
    side = np.concatenate([ball.unit_from_xy(np.column_stack([x, y])), _BACK_OF_JAW, ball.low_rim()[None]])
    side = ink.curve(side, 3)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    ring = np.concatenate([side, side[::-1] * (-1.0, 1.0, 1.0)])
    px = ball.window(ring, push=0.3)
    low = np.clip(3.0 * (ring[:, 1:2] - 0.55), 0.0, 1.0)
    px += 0.6 * low * (px - ball.middle)
    region = ink.polygon(px)
    if scene.look.beard == "stubble":
        with scene.pen.clipped(scene.head_path):
            scene.pen.fill(region, palette.mix(colour, palette.shaded(scene.look.skin_rgb, 0.8), 0.35), 0.5)
        return
    grow = ink.unite(scene.head_path, ink.shift(scene.head_path, 0.0, 0.08 * scene.unit))
    scene.solid(ink.intersect(region, grow), colour, relief=0.14)


_BACK_OF_JAW = np.array([(0.98, 0.15, -0.05), (0.95, 0.5, -0.2), (0.7, 0.8, -0.3)])
_BACK_OF_JAW /= np.linalg.norm(_BACK_OF_JAW, axis=1, keepdims=True)
