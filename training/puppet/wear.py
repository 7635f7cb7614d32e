"""What is worn on the head: glasses, hats, headphones. All in head space, so that it turns with the head."""

import numpy as np

from perfkit.rig import surface_z
from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.hair import cap_ball
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene

_ROUND = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_SHAPES = {
    "round": np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1),
    "square": np.array([
        (-1, -0.72), (0, -0.8), (1, -0.72), (1.0, 0.1), (0.86, 0.72), (0, 0.78), (-0.86, 0.72), (-1, 0.1),
    ]),
    "shades": np.array([
        (-1.08, -0.7), (0, -0.72), (1.08, -0.78), (1.04, 0.1), (0.6, 0.74), (0, 0.72), (-0.7, 0.6), (-1, 0.0),
    ]),
}  # fmt: skip


def draw_glasses(scene: Scene) -> None:
    """Draw glasses on the eyes' plane; the far lens vanishes behind the face."""
    look, rig = scene.look, scene.rig
    if look.glasses == "none":
        return
    half = 0.5 * max(rig.eye_width, rig.eye_height * 0.95) + 0.09
    half = min(half, rig.eye_x - 0.03)
    tall = min(max(0.5 * rig.eye_height + 0.08, 0.78 * half), 1.15 * half)
    frame: Colour = (0.14, 0.12, 0.16)
    lens = {"shades": ((0.1, 0.09, 0.14), 0.93)}.get(look.glasses, ((0.85, 0.93, 1.0), 0.22))
    width = max(1.0, 0.045 * scene.unit)
    inner = rig.eye_x - half
    reach = np.array([inner + 0.02, min(inner + 2 * half, 0.97 * rig.face_width)])
    near, far = surface_z(rig, reach, np.full(2, rig.eye_y)).tolist()
    slope, front = 0.8 * (near - far) / (2 * half), near + 0.07
    bridge = np.array(
        [(-inner, rig.eye_y, front + 0.03), (0, rig.eye_y - 0.05, front + 0.07), (inner, rig.eye_y, front + 0.03)]
    )
    for sign in (1.0, -1.0):
        if scene.facing((sign * 0.55, 0.0, 1.0)) < 0.12:
            continue
        shape = _SHAPES[look.glasses] * (sign, 1.0) * (half, tall)
        x, y = sign * rig.eye_x + shape[:, 0], rig.eye_y + shape[:, 1]
        z = front - slope * (np.abs(x) - inner)
        points = scene.place(np.column_stack([x, y, z]))
        path = (
            ink.smooth(points)
            if look.glasses == "round"
            else ink.polygon(ink.curve(np.concatenate([points, points[:1]]), 3))
        )
        scene.pen.fill(path, *lens)
        _draw_glint(scene, path, points)
        scene.pen.stroke(path, frame, width)
        if scene.facing((sign, 0.0, 0.1)) > 0.1:
            outer = np.array([sign * (rig.eye_x + half), rig.eye_y - 0.05, front - 2 * slope * half])
            ear = np.array([sign * rig.face_width, rig.eye_y - 0.02, -0.1])
            scene.pen.stroke(ink.polygon(scene.place(np.array([outer, ear])), closed=False), frame, width)
    scene.pen.stroke(ink.smooth(scene.place(bridge), closed=False), frame, width)


def _draw_glint(scene: Scene, path: ink.Path, points: np.ndarray) -> None:
    middle = points.mean(axis=0)
    reach = 0.5 * np.ptp(points[:, 0])
    stripe = np.array([(-0.7, 0.5), (-0.1, -0.9), (0.15, -0.9), (-0.45, 0.5)]) * reach + middle
    with scene.pen.clipped(path):
        scene.pen.fill(ink.polygon(stripe), palette.WHITE, 0.2 if scene.look.glasses == "shades" else 0.42)


def _circle(radii: tuple[float, float], y: float, z: float, count: int = 24) -> np.ndarray:
    """Return a level ring in head space, (count, 3)."""
    t = np.arange(count) * (2 * np.pi / count)
    return np.column_stack([radii[0] * np.sin(t), np.full(count, y), z + radii[1] * np.cos(t)])


def _above(ball: Ball, y: float) -> np.ndarray:
    """Return px of points all over the ball above a height (head space y)."""
    level = (y - ball.centre[1]) / ball.radii[1]
    rows = []
    for height in np.linspace(min(level, 0.95), -1.0, 6):
        ring = np.sqrt(max(0.0, 1 - height * height))
        t = np.arange(18) * (2 * np.pi / 18)
        rows.append(np.column_stack([ring * np.sin(t), np.full(18, height), ring * np.cos(t)]))
    return ball.place(np.concatenate(rows))


def hat_line(scene: Scene) -> float:
    """Return the height (head space y) of a hat's rim: over the brows, and over the hair's crown."""
    rig = scene.rig
    brow = rig.eye_y - 0.55 * rig.eye_height - rig.brow_y
    return float(np.clip(brow - 0.2, -0.86, -0.5))


def draw_hat(scene: Scene) -> None:
    """Draw the hat of the look."""
    hats = {"cap": _draw_cap, "beanie": _draw_beanie, "tophat": _draw_tophat, "crown": _draw_crown, "bow": _draw_bow,
            "headphones": _draw_headphones, "witch": _draw_witch, "straw": _draw_straw}  # fmt: skip
    if scene.look.hat in hats:
        colour = palette.CLOTH[scene.look.hat_colour]
        accent = palette.CLOTH[palette.ACCENT[scene.look.hat_colour]]
        hats[scene.look.hat](scene, colour, accent)


def _hat_ball(scene: Scene, grow: float = 0.05) -> Ball:
    ball = cap_ball(scene)
    return Ball(scene, tuple(ball.centre), tuple(ball.radii + grow))


def _rim(ball: Ball, y: float, grow: float = 1.0) -> tuple[float, float]:
    """Return the ball's radii (x, z) at a height."""
    level = np.sqrt(max(0.05, 1 - ((y - ball.centre[1]) / ball.radii[1]) ** 2))
    return float(ball.radii[0] * level * grow), float(ball.radii[2] * level * grow)


_STRAW: Colour = (0.93, 0.8, 0.5)
_BRIMS = {"tophat": (-0.14, 0.02, 1.36, 0.07), "straw": (-0.1, 0.03, 1.55, 0.16), "witch": (-0.12, 0.02, 1.5, 0.13)}
"""Hats with a brim all around: the rim's lift over the hat line, growth over the hair, width over the head's,
and how far the brim droops."""


def sees_top(scene: Scene) -> bool:
    """Return whether the camera looks down on the head's top."""
    return bool(scene.rotation[2, 1] < 0.1)


def _draw_cap(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene), _hat_ball(scene)
    radii = _rim(ball, y)
    z0 = float(ball.centre[2])
    dome = _without_hole(scene, ink.hull(_above(ball, y), 56), _circle(radii, y, z0))
    t = np.linspace(-1.05, 1.05, 13)
    near = np.column_stack([radii[0] * np.sin(t), np.full(13, y), z0 + radii[1] * np.cos(t)])
    reach = np.cos(t / 1.05 * 0.5 * np.pi) ** 0.6
    far = near + np.column_stack([0.1 * np.sin(t), 0.1 * reach + 0.02, 0.62 * reach])
    brim = ink.smooth(scene.place(np.concatenate([near, far[::-1]])))
    scene.cast(brim, scene.head_path, scene.look.skin_rgb, reach=0.16)
    scene.solid(dome, colour, relief=0.22)
    seam = np.column_stack([np.zeros(9), *_arc(ball, y)])
    ahead = (seam @ scene.rotation[2]) > 0.2
    if ahead.sum() > 3 and sees_top(scene):
        scene.detail(ink.smooth(scene.place(seam[ahead]), closed=False), colour, width=0.02, alpha=0.7)
    scene.solid(brim, accent if sees_top(scene) else palette.shaded(accent, 0.5), relief=0.06)
    button = np.array([[0.0, ball.centre[1] - ball.radii[1], ball.centre[2]]])
    if sees_top(scene):
        scene.solid(ink.disc(scene.place(button)[0], 0.06 * scene.unit), accent, relief=0.02)


def _arc(ball: Ball, y: float) -> tuple[np.ndarray, np.ndarray]:
    low = float(np.arccos(np.clip((ball.centre[1] - y) / ball.radii[1], -1, 1)))
    angle = np.linspace(0.05, low, 9)
    return ball.centre[1] - ball.radii[1] * np.cos(angle), ball.centre[2] + ball.radii[2] * np.sin(angle)


def _draw_beanie(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene), _hat_ball(scene, 0.07)
    radii, z = _rim(ball, y, 1.05), float(ball.centre[2])
    hole, upper = _circle(radii, y + 0.03, z), _rim(ball, y - 0.24, 1.06)
    top = np.array([[0.0, ball.centre[1] - ball.radii[1] - 0.06, ball.centre[2] - 0.1]])
    pompom = ink.disc(scene.place(top)[0], 0.19 * scene.unit)
    if not sees_top(scene):
        scene.solid(pompom, accent, relief=0.08)
    scene.solid(_without_hole(scene, ink.hull(_above(ball, y), 56), hole), colour, relief=0.22)
    if sees_top(scene):
        scene.solid(pompom, accent, relief=0.08)
    rim = _circle(upper, y - 0.22, z)
    band = ink.hull(scene.place(np.concatenate([hole, rim])), 48)
    band = ink.subtract(band, ink.hull(scene.place(rim), 40)) if sees_top(scene) else _without_hole(scene, band, hole)
    scene.cast(band, scene.head_path, scene.look.skin_rgb, reach=0.07)
    scene.solid(band, accent, relief=0.1)
    with scene.pen.clipped(band):
        for angle in np.linspace(-2.6, 2.6, 15):
            ends = np.array([[radii[0] * np.sin(angle), y + 0.05, z + radii[1] * np.cos(angle)],
                             [upper[0] * np.sin(angle), y - 0.24, z + upper[1] * np.cos(angle)]])  # fmt: skip
            if scene.facing((np.sin(angle), 0.0, np.cos(angle))) > 0.1:
                scene.detail(ink.polygon(scene.place(ends), closed=False), accent, width=0.018, alpha=0.5)


def _without_hole(scene: Scene, path: ink.Path, ring: np.ndarray) -> ink.Path:
    """Cut the head, below the hat's mouth (a level ring), out of its silhouette where the camera looks into it."""
    if sees_top(scene):
        return path
    middle = ring.mean(axis=0)
    wide = middle + 1.03 * (ring - middle)
    return ink.subtract(path, ink.hull(scene.place(np.concatenate([wide, wide + (0.0, 0.7, 0.0)])), 48))


def draw_hat_behind(scene: Scene) -> None:
    """Draw what of a hat passes behind the head: a band, the far part of a brim that is seen from below."""
    if scene.look.hat == "headphones":
        _paint_band(scene, behind=True)
    if scene.look.hat not in _BRIMS or sees_top(scene):
        return
    colour = _STRAW if scene.look.hat == "straw" else palette.CLOTH[scene.look.hat_colour]
    scene.solid(ink.hull(scene.place(_brim_ring(scene)), 48), palette.shaded(colour, 0.5), relief=0.06)


def _brim_ring(scene: Scene) -> np.ndarray:
    radii, y, z = _tower(scene)
    _lift, _grow, width, droop = _BRIMS[scene.look.hat]
    return _circle((radii[0] * width, radii[1] * width), y + droop, z, 36)


def _paint_brimmed(scene: Scene, colour: Colour, tower: list) -> None:
    """Paint brim and crown of a hat in the order in which they hide each other; `tower` rows: path, colour, relief."""
    outer = _brim_ring(scene)
    middle = outer.mean(axis=0)
    inner = middle + (outer - middle) / _BRIMS[scene.look.hat][2] - (0.0, _BRIMS[scene.look.hat][3], 0.0)
    if sees_top(scene):
        whole = ink.hull(np.concatenate([scene.place(outer), scene.place(inner)]), 48)
        scene.cast(whole, scene.head_path, scene.look.skin_rgb, reach=0.12)
        scene.solid(whole, colour, relief=0.06)
    for path, paint, relief in tower:
        scene.solid(_without_hole(scene, path, inner), paint, relief=relief)
    if not sees_top(scene):
        depth = (outer - middle) @ scene.rotation[2]
        start = int(np.argmax(depth)) - len(outer) // 4
        rows = np.arange(start, start + len(outer) // 2 + 1) % len(outer)
        front = ink.polygon(scene.place(np.concatenate([outer[rows], inner[rows[::-1]]])))
        scene.cast(front, scene.head_path, scene.look.skin_rgb, reach=0.12)
        scene.solid(front, palette.shaded(colour, 0.5), relief=0.06)


def _tower(scene: Scene) -> tuple[tuple[float, float], float, float]:
    """Return a brimmed hat's radii at its rim, the rim's height and its centre's z."""
    lift, grow, _width, _droop = _BRIMS[scene.look.hat]
    y, ball = hat_line(scene) + lift, _hat_ball(scene, grow)
    return _rim(ball, y), y, float(ball.centre[2])


def _tube(scene: Scene, *rings: np.ndarray) -> ink.Path:
    return ink.hull(scene.place(np.concatenate(rings)), 48)


def _band(scene: Scene, lower: np.ndarray, upper: np.ndarray) -> ink.Path:
    """Return the visible wall between two level rings."""
    wall = _tube(scene, lower, upper)
    return ink.subtract(wall, ink.hull(scene.place(upper), 40)) if sees_top(scene) else wall


def _draw_tophat(scene: Scene, colour: Colour, accent: Colour) -> None:
    radii, y, z = _tower(scene)
    high = (radii[0] * 0.94, radii[1] * 0.94)
    tube = _tube(scene, _circle(radii, y - 0.02, z), _circle(high, y - 0.8, z))
    ribbon = _band(scene, _circle(radii, y - 0.03, z), _circle(radii, y - 0.22, z))
    _paint_brimmed(scene, colour, [(tube, colour, 0.18), (ribbon, accent, 0.06)])
    if sees_top(scene):
        scene.solid(ink.hull(scene.place(_circle(high, y - 0.8, z)), 40), palette.lit(colour, 0.12), relief=0.02)


def _draw_straw(scene: Scene, colour: Colour, accent: Colour) -> None:
    radii, y, z = _tower(scene)
    ball = _hat_ball(scene, 0.03)
    dome = ink.hull(_above(ball, y), 48)
    band = _band(
        scene, _circle((radii[0] * 1.02, radii[1] * 1.02), y, z), _circle(_rim(ball, y - 0.2, 1.02), y - 0.2, z)
    )
    _paint_brimmed(scene, _STRAW, [(dome, _STRAW, 0.2), (band, colour, 0.06)])


def _draw_witch(scene: Scene, colour: Colour, accent: Colour) -> None:
    radii, y, z = _tower(scene)
    bend = _circle((0.36, 0.36), y - 0.75, z - 0.06)
    point = np.array([[0.14, y - 1.3, z - 0.34], [0.22, y - 1.26, z - 0.36]])
    cone = _tube(scene, _circle(radii, y - 0.02, z), bend)
    tip = ink.smooth(scene.place(np.concatenate([bend[[6]], bend[[18]], point])))
    band = _band(scene, _circle(radii, y - 0.03, z), _circle((radii[0] * 0.9, radii[1] * 0.9), y - 0.2, z))
    _paint_brimmed(scene, colour, [(ink.unite(cone, tip), colour, 0.18), (band, accent, 0.06)])


def _draw_crown(scene: Scene, colour: Colour, accent: Colour) -> None:
    gold: Colour = (0.95, 0.78, 0.3)
    ball = _hat_ball(scene, 0.0)
    y = float(min(hat_line(scene) - 0.28, -0.88))
    radii = (0.62 * ball.radii[0] + 0.08, 0.62 * ball.radii[2])
    z, count = float(ball.centre[2]), 32
    low, high = _circle(radii, y, z, count), _circle((radii[0] * 1.1, radii[1] * 1.1), y, z, count)
    high[:, 1] = y - np.where(np.arange(count) % 4 == 0, 0.5, np.where(np.arange(count) % 4 == 2, 0.2, 0.34))
    facing = (low - (0, y, z)) @ scene.rotation[2]
    for front in (False, True) if sees_top(scene) else (True,):
        start = int(np.argmax(facing if front else -facing)) - count // 4
        rows = np.arange(start, start + count // 2 + 1) % count
        path = ink.polygon(scene.place(np.concatenate([low[rows], high[rows[::-1]]])))
        scene.solid(path, gold if front else palette.shaded(gold, 0.7), relief=0.1)
    for row in range(0, count, 4):
        if facing[row] > 0.25 * radii[1]:
            scene.pen.fill(ink.disc(scene.place(0.55 * low[row] + 0.45 * high[row]), 0.06 * scene.unit), colour)


def _draw_bow(scene: Scene, colour: Colour, accent: Colour) -> None:
    ball = _hat_ball(scene, 0.03)
    side = np.array([0.5, -0.82, 0.28])
    side /= np.linalg.norm(side)
    if ball.facing(side[None])[0] < -0.35:
        return
    knot = ball.place(side[None])[0]
    across, up = scene.rotation[:2, 0] * scene.unit, scene.rotation[:2, 1] * scene.unit
    for sign in (1.0, -1.0):
        loop = np.array([(0.02, 0.0), (0.2, -0.26), (0.44, -0.22), (0.46, 0.12), (0.22, 0.16)])
        points = knot + sign * loop[:, :1] * across + (loop[:, 1:] + 0.12 * sign * loop[:, :1]) * up
        scene.solid(ink.smooth(points), colour, relief=0.08)
    scene.solid(ink.disc(knot, 0.1 * scene.unit), palette.shaded(colour, 0.25), relief=0.04)


def _paint_band(scene: Scene, *, behind: bool) -> None:
    """Draw the band of headphones: all of it behind the head, or the part in front."""
    ball, colour = _hat_ball(scene, 0.05), palette.CLOTH[scene.look.hat_colour]
    t = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 19)
    top = ball.centre[1] - ball.radii[1] - 0.02
    level = scene.rig.eye_y + 0.14
    band = np.column_stack(
        [(ball.radii[0] + 0.02) * np.sin(t), level - (level - top) * np.cos(t) ** 0.8, np.full(19, -0.1)]
    )
    away = (band - ball.centre) / ball.radii
    shown = ball.facing(away / np.linalg.norm(away, axis=1, keepdims=True)) > (-2.0 if behind else -0.3)
    cuts = np.flatnonzero(np.diff(shown.astype(int)) != 0) + 1
    runs = [run for run in np.split(np.arange(len(band)), cuts) if shown[run[0]] and len(run) > 1]
    base = palette.CLOTH[palette.ACCENT[scene.look.hat_colour]]
    for run in runs:
        path = ink.polygon(scene.place(band[run]), closed=False)
        if scene.line_width:
            scene.pen.stroke(path, scene.ink_colour(base), 0.12 * scene.unit + 2 * scene.line_width)
        scene.pen.stroke(path, palette.shaded(colour, 0.35), 0.12 * scene.unit)


def _draw_headphones(scene: Scene, colour: Colour, accent: Colour) -> None:
    _paint_band(scene, behind=False)
    x, level = float(_hat_ball(scene, 0.05).radii[0]) + 0.02, scene.rig.eye_y + 0.14
    for sign in sorted((1.0, -1.0), key=lambda side: scene.facing((side, 0.0, 0.0))):
        if scene.facing((sign, 0.0, 0.35)) < -0.2:
            continue
        cup = Ball(scene, (sign * x, level, -0.08), (0.16, 0.31, 0.27))
        scene.solid(cup.outline(), colour, relief=0.1)
        if scene.facing((sign, 0.0, 0.0)) > 0.25:
            face = Ball(scene, (sign * (x + 0.14), level, -0.08), (0.03, 0.18, 0.16))
            scene.pen.fill(face.outline(), accent)
