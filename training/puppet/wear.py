"""What is worn on the head: glasses, hats, headphones, beards. All in head space, so that it turns with the head."""

import numpy as np

from perfkit.rig import surface_z
from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.hair import cap_ball
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene

_ROUND = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_SHAPES = {
    "round": np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1),
    "square": np.array([(-1, -0.72), (0, -0.8), (1, -0.72), (1.0, 0.1), (0.86, 0.72), (0, 0.78), (-0.86, 0.72), (-1, 0.1)]),
    "shades": np.array([(-1.08, -0.7), (0, -0.72), (1.08, -0.78), (1.04, 0.1), (0.6, 0.74), (0, 0.72), (-0.7, 0.6), (-1, 0.0)]),
}  # fmt: skip


def draw_glasses(scene: Scene) -> None:
    """Draw glasses on the eyes' plane; the far lens vanishes behind the face."""
    look, rig = scene.look, scene.rig
    if look.glasses == "none":
        return
    half = 0.5 * max(rig.eye_width, rig.eye_height * 0.95) + 0.09
    half = min(half, rig.eye_x - 0.03)
    tall = min(max(0.5 * rig.eye_height + 0.08, 0.78 * half), 1.15 * half)
    front = float(surface_z(rig, np.array([rig.eye_x * 0.8]), np.array([rig.eye_y]))[0]) + 0.1
    frame: Colour = (0.14, 0.12, 0.16)
    lens = {"shades": ((0.1, 0.09, 0.14), 0.93)}.get(look.glasses, ((0.85, 0.93, 1.0), 0.22))
    width = max(1.0, 0.045 * scene.unit)
    inner = rig.eye_x - half
    bridge = np.array(
        [(-inner, rig.eye_y, front + 0.03), (0, rig.eye_y - 0.05, front + 0.07), (inner, rig.eye_y, front + 0.03)]
    )
    for sign in (1.0, -1.0):
        if scene.facing((sign * 0.55, 0.0, 1.0)) < 0.12:
            continue
        shape = _SHAPES[look.glasses] * (sign, 1.0) * (half, tall)
        x, y = sign * rig.eye_x + shape[:, 0], rig.eye_y + shape[:, 1]
        z = front - 0.22 * (np.abs(x) - inner)
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
            outer = np.array([sign * (rig.eye_x + half), rig.eye_y - 0.05, front - 0.44 * half])
            ear = np.array([sign * rig.face_width, rig.eye_y - 0.02, -0.1])
            scene.pen.stroke(ink.polygon(scene.place(np.stack([outer, ear])), closed=False), frame, width)
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


def _sees_top(scene: Scene) -> bool:
    """Return whether the camera looks down on the head's top."""
    return bool(scene.rotation[2, 1] < 0)


def _draw_cap(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene), _hat_ball(scene)
    radii = _rim(ball, y)
    dome = ink.hull(_above(ball, y), 56)
    t = np.linspace(-1.05, 1.05, 13)
    z0 = float(ball.centre[2])
    near = np.column_stack([radii[0] * np.sin(t), np.full(13, y), z0 + radii[1] * np.cos(t)])
    reach = np.cos(t / 1.05 * 0.5 * np.pi) ** 0.6
    far = near + np.column_stack([0.1 * np.sin(t), 0.1 * reach + 0.02, 0.62 * reach])
    brim = ink.smooth(scene.place(np.concatenate([near, far[::-1]])))
    first = scene.facing((0.0, 0.0, 1.0)) > -0.1
    scene.cast(brim, scene.head_path, scene.look.skin_rgb, reach=0.16)
    scene.solid(dome, colour, relief=0.22)
    seam = np.column_stack([np.zeros(9), *_arc(ball, y)])
    ahead = (seam @ scene.rotation[2]) > 0
    if ahead.sum() > 3:
        scene.detail(ink.smooth(scene.place(seam[ahead]), closed=False), colour, width=0.02, alpha=0.7)
    if first:
        scene.solid(brim, accent, relief=0.06)
    button = np.array([[0.0, ball.centre[1] - ball.radii[1], ball.centre[2]]])
    if _sees_top(scene) or abs(scene.rotation[2, 1]) < 0.2:
        scene.solid(ink.disc(scene.place(button)[0], 0.06 * scene.unit), accent, relief=0.02)


def _arc(ball: Ball, y: float) -> tuple[np.ndarray, np.ndarray]:
    low = float(np.arccos(np.clip((ball.centre[1] - y) / ball.radii[1], -1, 1)))
    angle = np.linspace(0.05, low, 9)
    return ball.centre[1] - ball.radii[1] * np.cos(angle), ball.centre[2] + ball.radii[2] * np.sin(angle)


def _draw_beanie(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene), _hat_ball(scene, 0.07)
    top = np.array([[0.0, ball.centre[1] - ball.radii[1] - 0.06, ball.centre[2] - 0.1]])
    pompom = ink.disc(scene.place(top)[0], 0.19 * scene.unit)
    if not _sees_top(scene):
        scene.solid(pompom, accent, relief=0.08)
    scene.solid(ink.hull(_above(ball, y), 56), colour, relief=0.22)
    if _sees_top(scene):
        scene.solid(pompom, accent, relief=0.08)
    radii, z = _rim(ball, y, 1.05), float(ball.centre[2])
    upper = _rim(ball, y - 0.24, 1.06)
    band = ink.hull(scene.place(np.concatenate([_circle(radii, y + 0.03, z), _circle(upper, y - 0.22, z)])), 48)
    scene.cast(band, scene.head_path, scene.look.skin_rgb, reach=0.07)
    scene.solid(band, accent, relief=0.1)
    with scene.pen.clipped(band):
        for angle in np.linspace(-1.4, 1.4, 9):
            ends = np.array([[radii[0] * np.sin(angle), y + 0.05, z + radii[1] * np.cos(angle)],
                             [upper[0] * np.sin(angle), y - 0.24, z + upper[1] * np.cos(angle)]])  # fmt: skip
            if scene.facing((np.sin(angle), 0.0, np.cos(angle))) > 0.1:
                scene.detail(ink.polygon(scene.place(ends), closed=False), accent, width=0.018, alpha=0.5)


def _draw_tophat(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene) - 0.1, _hat_ball(scene, 0.02)
    radii, z = _rim(ball, y), float(ball.centre[2])
    wide = (radii[0] * 1.38, radii[1] * 1.38)
    high = (radii[0] * 0.94, radii[1] * 0.94)
    brim = ink.hull(scene.place(np.concatenate([_circle(wide, y, z), _circle(wide, y + 0.05, z)])), 48)
    tube = ink.hull(scene.place(np.concatenate([_circle(radii, y - 0.02, z), _circle(high, y - 0.86, z)])), 48)
    ribbon = ink.hull(scene.place(np.concatenate([_circle(radii, y - 0.03, z), _circle(radii, y - 0.22, z)])), 48)
    _stack(scene, brim, colour, [(tube, colour, 0.18), (ribbon, accent, 0.06)])
    if _sees_top(scene):
        scene.solid(ink.hull(scene.place(_circle(high, y - 0.86, z)), 40), palette.lit(colour, 0.12), relief=0.02)


def _stack(scene: Scene, brim: ink.Path, colour: Colour, tower: list) -> None:
    """Paint brim and crown of a hat in the order in which they hide each other."""
    if _sees_top(scene):
        scene.cast(brim, scene.head_path, scene.look.skin_rgb, reach=0.12)
        scene.solid(brim, colour, relief=0.06)
    for path, paint, relief in tower:
        scene.solid(path, paint, relief=relief)
    if not _sees_top(scene):
        scene.solid(brim, palette.shaded(colour, 0.4), relief=0.06)
        scene.cast(brim, scene.head_path, scene.look.skin_rgb, reach=0.12)


def _draw_straw(scene: Scene, colour: Colour, accent: Colour) -> None:
    straw: Colour = (0.93, 0.8, 0.5)
    y, ball = hat_line(scene) - 0.02, _hat_ball(scene, 0.03)
    radii, z = _rim(ball, y), float(ball.centre[2])
    wide = (radii[0] * 1.72, radii[1] * 1.62)
    brim = ink.hull(scene.place(np.concatenate([_circle(wide, y + 0.05, z), _circle(wide, y, z)])), 48)
    dome = ink.hull(_above(ball, y), 48)
    band = ink.hull(
        scene.place(
            np.concatenate([_circle(_rim(ball, y, 1.02), y, z), _circle(_rim(ball, y - 0.2, 1.02), y - 0.2, z)])
        ),
        48,
    )
    _stack(scene, brim, straw, [(dome, straw, 0.2), (band, colour, 0.06)])


def _draw_witch(scene: Scene, colour: Colour, accent: Colour) -> None:
    y, ball = hat_line(scene) - 0.06, _hat_ball(scene, 0.02)
    radii, z = _rim(ball, y), float(ball.centre[2])
    wide = (radii[0] * 1.62, radii[1] * 1.55)
    brim = ink.hull(scene.place(np.concatenate([_circle(wide, y, z), _circle(wide, y + 0.06, z)])), 48)
    bend = _circle((0.36, 0.36), y - 0.75, z - 0.06)
    cone = ink.hull(scene.place(np.concatenate([_circle(radii, y - 0.02, z), bend])), 48)
    tip = ink.smooth(
        scene.place(
            np.concatenate([bend[[6]], bend[[18]], np.array([[0.14, y - 1.3, z - 0.34], [0.22, y - 1.26, z - 0.36]])])
        )
    )
    band = ink.hull(
        scene.place(
            np.concatenate([_circle(radii, y - 0.03, z), _circle((radii[0] * 0.9, radii[1] * 0.9), y - 0.2, z)])
        ),
        48,
    )
    _stack(scene, brim, colour, [(ink.unite(cone, tip), colour, 0.18), (band, accent, 0.06)])


def _draw_crown(scene: Scene, colour: Colour, accent: Colour) -> None:
    gold: Colour = (0.95, 0.78, 0.3)
    ball = _hat_ball(scene, 0.0)
    y = float(min(hat_line(scene) - 0.28, -0.88))
    radii = (0.62 * ball.radii[0] + 0.08, 0.62 * ball.radii[2])
    z, count = float(ball.centre[2]), 32
    low, high = _circle(radii, y, z, count), _circle((radii[0] * 1.1, radii[1] * 1.1), y, z, count)
    high[:, 1] = y - np.where(np.arange(count) % 4 == 0, 0.5, np.where(np.arange(count) % 4 == 2, 0.2, 0.34))
    facing = (low - (0, y, z)) @ scene.rotation[2]
    for front in (False, True):
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


def _draw_headphones(scene: Scene, colour: Colour, accent: Colour) -> None:
    ball = _hat_ball(scene, 0.05)
    t = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 19)
    x, top = ball.radii[0] + 0.02, ball.centre[1] - ball.radii[1] - 0.02
    level = scene.rig.eye_y + 0.14
    band = np.column_stack([x * np.sin(t), level - (level - top) * np.cos(t) ** 0.8, np.full(19, -0.1)])
    path = ink.polygon(scene.place(band), closed=False)
    if scene.line_width:
        scene.pen.stroke(path, scene.ink_colour(accent), 0.12 * scene.unit + 2 * scene.line_width)
    scene.pen.stroke(path, palette.shaded(colour, 0.35), 0.12 * scene.unit)
    for sign in sorted((1.0, -1.0), key=lambda side: scene.facing((side, 0.0, 0.0))):
        if scene.facing((sign, 0.0, 0.35)) < -0.2:
            continue
        cup = Ball(scene, (sign * x, level, -0.08), (0.16, 0.31, 0.27))
        scene.solid(cup.outline(), colour, relief=0.1)
        if scene.facing((sign, 0.0, 0.0)) > 0.25:
            face = Ball(scene, (sign * (x + 0.14), level, -0.08), (0.03, 0.18, 0.16))
            scene.pen.fill(face.outline(), accent)


def draw_beard(scene: Scene) -> None:
    """Draw beard or moustache, under the mouth and over the jaw; it moves with them."""
    kind = scene.look.beard
    if kind == "none" or scene.seen("outer_lips") < 0.12:
        return
    colour = palette.HAIR[scene.look.hair_colour]
    if scene.look.hair in ("bald", "mohawk") and palette.luma(colour) > 0.8:
        colour = palette.shaded(colour, 0.25)
    unit, down = scene.unit, scene.rotation[:2, 1]
    outer, base = scene.contour("outer_lips"), scene.contour("nose_base")
    if kind in ("stubble", "full"):
        _draw_full(scene, colour, outer, base)
    if kind in ("moustache", "full", "goatee"):
        lip, right, left = outer[15], outer[0], outer[10]
        under = base[2] + 0.25 * (lip - base[2])
        side_right, side_left = (
            right + 0.02 * unit * down + 0.12 * (right - left),
            left + 0.02 * unit * down + 0.12 * (left - right),
        )
        upper = np.stack(
            [
                side_right,
                0.55 * (right + under) - 0.1 * right + 0.0 * lip,
                under,
                0.55 * (left + under) - 0.1 * left,
                side_left,
            ]
        )
        upper[1] = 0.5 * (right + under) - 0.03 * unit * down
        upper[3] = 0.5 * (left + under) - 0.03 * unit * down
        lower = np.stack(
            [
                0.5 * (left + lip) + 0.02 * unit * down,
                lip - 0.012 * unit * down,
                0.5 * (right + lip) + 0.02 * unit * down,
            ]
        )
        scene.solid(ink.smooth(np.concatenate([upper, lower])), colour, relief=0.05)
    if kind == "goatee":
        chin, lip = scene.contour("face_oval")[18], outer[5]
        across = scene.rotation[:2, 0] * unit
        shape = np.stack([lip - 0.17 * across + 0.03 * unit * down, lip + 0.05 * unit * down, lip + 0.17 * across + 0.03 * unit * down,
                          chin + 0.16 * across - 0.02 * unit * down, chin + 0.1 * unit * down, chin - 0.16 * across - 0.02 * unit * down])  # fmt: skip
        scene.solid(ink.smooth(shape), colour, relief=0.08)


def _draw_full(scene: Scene, colour: Colour, outer: np.ndarray, base: np.ndarray) -> None:
    rig = scene.rig
    x = rig.face_width * np.array([1.1, 0.98, 0.9, 0.66, 0.42])
    y = np.array([rig.eye_y + 0.24, rig.eye_y + 0.3, rig.eye_y + 0.42, rig.mouth_y - 0.14, rig.nose_y + 0.1])
    side = np.column_stack([x, y, surface_z(rig, x, y)])
    right, left = scene.place(side * (-1, 1, 1)), scene.place(side[::-1])
    middle = base[2:3] + 0.3 * (outer[15] - base[2])
    jaw = scene.contour("face_oval")
    centre = scene.place(np.array([0.0, 0.35, 0.2]))
    around = np.arange(10, 27)
    below = centre + 1.6 * (jaw[around] - centre)
    if scene.facing((1.0, 0.0, 0.05)) < 0:
        left[-2:] = left[-2:] + 0.5 * (left[-2:] - centre)
    if scene.facing((-1.0, 0.0, 0.05)) < 0:
        right[:2] = right[:2] + 0.5 * (right[:2] - centre)
    region = ink.polygon(np.concatenate([ink.curve(np.concatenate([right, middle, left]), 3), below]))
    if scene.look.beard == "stubble":
        with scene.pen.clipped(scene.head_path):
            scene.pen.fill(region, palette.mix(colour, palette.shaded(scene.look.skin_rgb, 0.8), 0.35), 0.5)
        return
    grow = ink.unite(scene.head_path, ink.shift(scene.head_path, 0.0, 0.08 * scene.unit))
    beard = ink.intersect(region, grow)
    scene.solid(beard, colour, relief=0.14)
