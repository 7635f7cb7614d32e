"""Hair that is tied: tails, braids and buns, hanging from the head by their own weight."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene


def _tail(scene: Scene, root: np.ndarray, tip: np.ndarray, width: float, colour: Colour) -> None:
    """Draw a hanging lock between two picture points, px; width in head units."""
    t = np.linspace(0, 1, 7)
    bow = np.sin(np.pi * t)[:, None] * np.array([0.25 * np.sign(tip[0] - root[0] + 1e-6), 0.0]) * width * scene.unit
    spine = root + t[:, None] * (tip - root) + bow
    profile = width * scene.unit * (0.55 + 0.9 * np.sin(np.pi * (0.12 + 0.7 * t))) * (1 - t**3 * 0.92)
    scene.solid(ink.ribbon(ink.curve(spine, 3), np.interp(np.linspace(0, 1, 19), t, profile)), colour, relief=0.12)


def _draw_ponytail(scene: Scene, colour: Colour, *, front: bool) -> None:
    behind = scene.rotation[2, 2] > 0.15
    if front == behind:
        return
    root = scene.place(np.array([0.0, -0.62, -1.06]))
    sway = scene.place(np.array([0.0, -0.4, -1.65]))
    tip = np.array([sway[0], root[1] + 1.9 * scene.unit])
    _tail(scene, root, tip, 0.42, colour)
    scene.solid(ink.disc(root, 0.13 * scene.unit), palette.CLOTH[scene.look.cloth_colour], relief=0.04)


def _draw_twintails(scene: Scene, colour: Colour, *, front: bool) -> None:
    for sign in (1.0, -1.0):
        root3 = np.array([sign * (scene.rig.face_width * 0.95), -0.55, -0.32])
        near = scene.facing((sign, 0.0, -0.3)) > 0.25
        if near != front:
            continue
        root = scene.place(root3 * (1.08, 1.0, 1.0))
        away = scene.place(root3 + (sign * 0.55, 0.0, -0.1))
        tip = np.array([away[0], root[1] + 2.0 * scene.unit])
        _tail(scene, root, tip, 0.4, colour)
        scene.solid(ink.disc(root, 0.12 * scene.unit), palette.CLOTH[scene.look.cloth_colour], relief=0.04)


def _draw_braids(scene: Scene, colour: Colour, *, front: bool) -> None:
    for sign in (1.0, -1.0):
        near = scene.facing((sign, 0.0, 0.5)) > -0.1
        if near != front:
            continue
        root = scene.place(np.array([sign * scene.rig.face_width * 0.98, 0.45, -0.1]))
        for link in range(5):
            centre = root + np.array([sign * 0.03 * link, 0.27 * link]) * scene.unit
            size = (0.17 - 0.012 * link) * scene.unit
            scene.solid(ink.ellipse(centre, (size, 0.25 * size * sign), (0.0, 0.95 * size)), colour, relief=0.07)
        end = root + np.array([sign * 0.15, 1.32]) * scene.unit
        scene.solid(ink.disc(end, 0.09 * scene.unit), palette.CLOTH[scene.look.cloth_colour], relief=0.04)


def _draw_bun(scene: Scene, colour: Colour, *, front: bool) -> None:
    top = np.array([0.0, -1.2, -0.45])
    toward = scene.rotation[2] @ top > 0
    if front != toward:
        return
    path = Ball(scene, (0.0, -1.26, -0.48), (0.36, 0.32, 0.36)).outline()
    scene.solid(path, colour, relief=0.1)


_TAILS = {"ponytail": _draw_ponytail, "twintails": _draw_twintails, "braids": _draw_braids, "bun": _draw_bun}


def draw_tails(scene: Scene, *, colour: Colour, front: bool) -> None:
    """Draw ponytail, twin tails, braids or bun: those in front of the head, or those behind it."""
    if scene.look.hair in _TAILS:
        _TAILS[scene.look.hair](scene, colour, front=front)
