"""Features of sample characters: never drawn by `sample_character`, and named by no caption word."""

import numpy as np

from perfkit.rig import surface_z
from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.hair import cap_ball
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene
from perfkit.vocabulary import CONTOUR_SLICES

_DARK: Colour = (0.15, 0.13, 0.17)
_GEM: Colour = (0.2, 0.8, 0.75)
_HORN: Colour = (0.93, 0.85, 0.68)
_ROOT_HIDDEN = -0.1
"""What grows out of the head lies behind it where its root faces this far away; a nod alone never gets there."""


def draw_extras_on_face(scene: Scene) -> None:
    """Draw what lies on the skin, over eyes and brows, under the fringe: mask, eye patch, scar, gem."""
    extras = scene.puppet.extras
    if "mask" in extras:
        _draw_mask(scene)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        if f"eyepatch_{side}" in extras:
            _draw_patch(scene, sign)
    if "scar" in extras:
        _draw_scar(scene)
    if "gem" in extras:
        _draw_gem(scene)


def draw_extras_on_head(scene: Scene, *, behind: bool) -> None:
    """Draw what grows out of the head: antennae, horns. `behind`: those whose root the head hides."""
    for name, draw in (("antennae", _draw_antenna), ("horns", _draw_horn)):
        if name not in scene.puppet.extras:
            continue
        ball = cap_ball(scene)
        for sign in (1.0, -1.0):
            root = np.array([sign * 0.42, -0.86, 0.28])
            root /= np.linalg.norm(root)
            if (float(ball.facing(root[None])[0]) < _ROOT_HIDDEN) == behind:
                draw(scene, ball.centre + ball.radii * root * 0.96, sign)


def _face_ball(scene: Scene) -> Ball:
    rig = scene.rig
    return Ball(scene, (0.0, 0.0, 0.02), (1.01 * rig.face_width, 1.04, 1.03 * rig.depth))


def _ring(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return np.column_stack([x + rx * np.cos(t), y + ry * np.sin(t)])


def _draw_patch(scene: Scene, sign: float) -> None:
    rig, ball = scene.rig, _face_ball(scene)
    half = 0.5 * max(rig.eye_width, rig.eye_height) + 0.05
    strap = np.concatenate([
        np.column_stack([np.linspace(-1.3, 1.3, 19) * sign * rig.face_width, np.linspace(-0.5, 0.42, 19) + rig.eye_y]),
    ])  # fmt: skip
    unit = ball.unit_from_xy(strap)
    ahead = ball.facing(unit) > -0.05
    if ahead.sum() > 2:
        scene.pen.stroke(ink.smooth(ball.wrap(unit[ahead]), closed=False), _DARK, 0.075 * scene.unit)
    patch = ball.unit_from_xy(_ring(sign * rig.eye_x, rig.eye_y, half, half * 1.05))
    if ball.facing(patch).max() > 0.15:
        path = ink.smooth(ball.wrap(patch))
        scene.solid(path, _DARK, relief=0.06)
        scene.pen.stroke(path, palette.mix(_DARK, palette.WHITE, 0.25), 0.025 * scene.unit)


def _draw_mask(scene: Scene) -> None:
    rig, ball = scene.rig, _face_ball(scene)
    eye_y, high = rig.eye_y, 0.5 * rig.eye_height + 0.16
    edge = np.array([
        (0.0, eye_y - 0.6 * high), (0.5, eye_y - 1.15 * high), (0.95, eye_y - 1.05 * high), (1.25, eye_y - 0.7 * high),
        (1.2, eye_y + 0.5 * high), (0.8, eye_y + 1.1 * high), (0.4, eye_y + 0.95 * high), (0.0, eye_y + 0.25 * high),
    ])  # fmt: skip
    ring = np.concatenate([edge, (edge * (-1, 1))[::-1]]) * (rig.face_width, 1.0)
    whole = ink.smooth(ball.wrap(ball.unit_from_xy(ring)))
    for side in ("left", "right"):
        if scene.seen(f"{side}_eye") > 0.12:
            points = scene.open_face[CONTOUR_SLICES[f"{side}_eye"]]
            middle = points.mean(axis=0)
            whole = ink.subtract(whole, ink.smooth(middle + 1.16 * (points - middle)))
    with scene.pen.clipped(scene.head_path):
        scene.solid(whole, palette.CLOTH["purple"], relief=0.06)


def _draw_scar(scene: Scene) -> None:
    rig = scene.rig
    x = np.array([-0.55, -0.42, -0.3]) * rig.face_width
    y = np.array([rig.eye_y + 0.28, rig.eye_y + 0.42, rig.eye_y + 0.58])
    points = scene.place(np.column_stack([x, y, surface_z(rig, x, y) + 0.01]))
    if scene.facing((-0.6, 0.2, 0.8)) < 0.15:
        return
    red = palette.mix(scene.look.skin_rgb, (0.7, 0.2, 0.22), 0.6)
    scene.pen.stroke(ink.smooth(points, closed=False), red, 0.05 * scene.unit)
    across = np.array([-(points[2] - points[0])[1], (points[2] - points[0])[0]])
    across *= 0.07 * scene.unit / max(float(np.hypot(*across)), 1e-6)
    for point in points:
        scene.pen.stroke(ink.polygon(np.array([point - across, point + across]), closed=False), red, 0.03 * scene.unit)


def _draw_gem(scene: Scene) -> None:
    ball = _face_ball(scene)
    middle = -0.62 if scene.rig.eye_y - scene.rig.eye_height > -0.45 else -0.76
    shape = np.array([(0.0, -0.15), (0.1, 0.0), (0.0, 0.15), (-0.1, 0.0)]) + (0.0, middle)
    unit = ball.unit_from_xy(shape)
    if ball.facing(unit).mean() < 0.08:
        return
    path = ink.polygon(ball.wrap(unit))
    scene.solid(path, _GEM, relief=0.04)
    scene.pen.stroke(path, palette.ink_of(_GEM), max(0.8, 0.02 * scene.unit))
    upper = ball.wrap(ball.unit_from_xy(np.array([(0.0, middle - 0.11), (0.05, middle), (-0.05, middle)])))
    scene.pen.fill(ink.polygon(upper), palette.WHITE, 0.7)


def _draw_antenna(scene: Scene, root: np.ndarray, sign: float) -> None:
    bend, tip = root + (sign * 0.12, -0.4, 0.02), root + (sign * 0.36, -0.72, 0.1)
    px = scene.place(np.array([root, bend, tip]))
    colour = palette.shaded(scene.look.skin_rgb, 0.35)
    stem = ink.smooth(px, closed=False)
    if scene.line_width:
        scene.pen.stroke(stem, scene.ink_colour(colour), 0.075 * scene.unit + 2 * scene.line_width)
    scene.pen.stroke(stem, colour, 0.075 * scene.unit)
    scene.solid(ink.disc(px[2], 0.125 * scene.unit), palette.CLOTH["yellow"], relief=0.05)


def _draw_horn(scene: Scene, root: np.ndarray, sign: float) -> None:
    spine = root + np.array([(0, 0.06, 0), (sign * 0.16, -0.2, 0), (sign * 0.3, -0.42, 0.0), (sign * 0.26, -0.7, 0.05)])
    px = ink.curve(scene.place(spine), 4)
    widths = np.linspace(0.27, 0.02, len(px)) * scene.unit
    path = ink.ribbon(px, widths)
    scene.solid(path, _HORN, relief=0.07)
    for index in (3, 6, 9):
        across = px[index] - px[index - 1]
        across = np.array([-across[1], across[0]]) / max(float(np.hypot(*across)), 1e-6) * 0.42 * widths[index]
        ends = np.array([px[index] - across, px[index] + across])
        scene.detail(ink.polygon(ends, closed=False), _HORN, width=0.018, alpha=0.8)
