"""What only animals and robots have: ears on the head, coat markings, rivets, plates and antennas."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.hair import CUTS, cap_ball, hair_rgb
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene

# Ear outlines: (outward, up) from the ear's root, head units; where the root sits (longitude, latitude, degrees).
_EARS: dict[str, tuple[np.ndarray, float, float]] = {
    "cat": (np.array([(-0.3, -0.1), (-0.2, 0.35), (0.06, 0.66), (0.22, 0.3), (0.32, -0.14)]), 42, 58),
    "fox": (np.array([(-0.3, -0.1), (-0.2, 0.45), (0.1, 0.84), (0.28, 0.36), (0.36, -0.16)]), 44, 56),
    "bear": (np.array([(-0.24, -0.1), (-0.3, 0.2), (-0.1, 0.4), (0.16, 0.4), (0.34, 0.18), (0.28, -0.12)]), 52, 48),
    "mouse": (np.array([(-0.2, -0.1), (-0.44, 0.3), (-0.2, 0.72), (0.3, 0.76), (0.58, 0.36), (0.36, -0.08)]), 55, 46),
    "rabbit": (np.array([
        (-0.16, -0.1), (-0.26, 0.6), (-0.16, 1.2), (0.05, 1.42), (0.2, 1.16), (0.22, 0.6), (0.18, -0.1),
    ]), 24, 66),
    "dog": (np.array([
        (-0.22, 0.06), (0.1, 0.2), (0.4, 0.08), (0.56, -0.36), (0.48, -0.86), (0.26, -0.98), (0.08, -0.6),
        (-0.08, -0.2),
    ]), 62, 42),
}  # fmt: skip


def draw_animal_ears(scene: Scene, *, behind: bool) -> None:
    """Draw ears on top of the head.

    Args:
        scene: The drawing.
        behind: True draws those that the head hides the root of, False those on the camera's side.
    """
    kind = scene.look.ears
    if kind not in _EARS:
        return
    shape, lon, lat = _EARS[kind]
    ball = cap_ball(scene)
    colour = scene.look.skin_rgb if scene.look.has_muzzle else hair_rgb(scene)
    if scene.look.family == "panda":
        colour = (0.2, 0.19, 0.22)
    for sign in (1.0, -1.0):
        lon_rad, lat_rad = np.deg2rad(lon) * sign, np.deg2rad(lat)
        up = np.array([np.cos(lat_rad) * np.sin(lon_rad), -np.sin(lat_rad), -0.05])
        up /= np.linalg.norm(up)
        hidden = float(ball.facing(up[None])[0]) < (0.2 if kind != "dog" else -0.25)
        if hidden != behind:
            continue
        _draw_one(scene, ball, colour, (kind, shape, sign, up))


def _draw_one(scene: Scene, ball: Ball, colour: Colour, ear: tuple) -> None:
    kind, shape, sign, up = ear
    root = ball.centre + ball.radii * up * 0.94
    lean = np.array([sign * 0.32, -0.95, -0.06]) if kind != "dog" else np.array([sign * 0.3, -0.95, 0.05])
    out = np.array([sign * 0.93, 0.3, -0.18])
    scale = 1.0 if scene.look.has_muzzle else 0.82

    def place(points: np.ndarray) -> np.ndarray:
        return scene.place(root + scale * (points[:, :1] * out + points[:, 1:] * lean))

    if np.hypot(*(scene.rotation[:2] @ out)) < 0.14:
        return
    path = ink.smooth(place(shape))
    scene.solid(path, colour, relief=0.1)
    if scene.facing((sign * 0.25, 0.0, 1.0)) > 0.0 and kind != "dog":
        middle = shape.mean(axis=0)
        inner = middle + (shape - middle) * (0.56, 0.66) + (0.0, -0.03)
        pink = palette.mix(palette.mix(colour, (0.98, 0.72, 0.7), 0.62), palette.INK, 0.0)
        if scene.look.family in ("panda", "fox") or palette.luma(colour) < 0.3:
            pink = palette.mix(colour, (0.95, 0.8, 0.78), 0.35)
        with scene.pen.clipped(path):
            scene.pen.fill(ink.smooth(place(inner)), pink)


def draw_marking(scene: Scene) -> None:
    """Draw the coat's marking on the bare head, inside its silhouette."""
    look = scene.look
    if look.marking == "plain":
        return
    head = Ball(scene, (0.0, -0.05, 0.0), (scene.rig.face_width, 1.05, scene.rig.depth))
    with scene.pen.clipped(scene.head_path):
        {"striped": _draw_stripes, "patched": _draw_patches, "masked": _draw_mask}[look.marking](scene, head)


def _draw_stripes(scene: Scene, head: Ball) -> None:
    dark = palette.shaded(scene.look.skin_rgb, 1.0)
    width = scene.rig.face_width
    for x, top, bottom, thick in ((0.0, -1.05, -0.55, 0.1), (-0.22, -1.0, -0.66, 0.09), (0.22, -1.0, -0.66, 0.09)):
        stripe = np.array([(x * width - thick, top), (x * width + thick, top), (x * width, bottom)])
        scene.pen.fill(ink.polygon(head.wrap(head.unit_from_xy(stripe))), dark, 0.85)
    for sign in (1.0, -1.0):
        for y in (0.12, 0.34):
            stripe = np.array(
                [(sign * 1.1 * width, y - 0.07), (sign * 1.1 * width, y + 0.07), (sign * 0.66 * width, y + 0.03)]
            )
            scene.pen.fill(ink.polygon(head.wrap(head.unit_from_xy(stripe))), dark, 0.85)


def _ring(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    return np.column_stack([x + rx * np.cos(t), y + ry * np.sin(t)])


def _draw_patches(scene: Scene, head: Ball) -> None:
    rig = scene.rig
    panda = scene.look.family == "panda"
    dark = (0.2, 0.19, 0.22) if panda else palette.shaded(scene.look.skin_rgb, 1.0)
    if scene.look.skin == "black":
        dark = (0.93, 0.91, 0.88)
    size = (0.5 * rig.eye_width + 0.13, 0.5 * rig.eye_height + 0.16)
    for sign in (1.0, -1.0) if panda else (1.0,):
        patch = _ring(sign * rig.eye_x, rig.eye_y + 0.02, *size)
        scene.pen.fill(ink.smooth(head.wrap(head.unit_from_xy(patch))), dark)


def _draw_mask(scene: Scene, head: Ball) -> None:
    rig = scene.rig
    white = (0.98, 0.96, 0.93)
    if palette.luma(scene.look.skin_rgb) > 0.85:
        white = (0.9, 0.62, 0.4)
    low = rig.eye_y + 0.5 * rig.eye_height
    for sign in (1.0, -1.0):
        cheek = np.array(
            [
                (0.0, rig.nose_y + 0.1),
                (0.3, low + 0.1),
                (0.75, low - 0.02),
                (1.3, low - 0.12),
                (1.2, 0.7),
                (0.5, 1.15),
                (0.0, 1.2),
            ]
        )
        fine = ink.curve(cheek * (sign * rig.face_width, 1.0), 3)
        scene.pen.fill(ink.polygon(head.wrap(head.unit_from_xy(fine))), white)


def draw_robot_parts(scene: Scene, *, behind: bool) -> None:
    """Draw a robot's ear pods, aerial, and the plates of its face."""
    if scene.look.ears != "robot":
        return
    metal = scene.look.skin_rgb
    glow = palette.lit(palette.EYES[scene.look.eye_colour], 0.25)
    for sign in (1.0, -1.0):
        if (scene.facing((sign, 0.0, 0.12)) > 0.2) == behind:
            continue
        level = scene.rig.eye_y + 0.1
        pod = Ball(scene, (sign * scene.rig.face_width * 1.02, level, -0.05), (0.14, 0.26, 0.24))
        scene.solid(pod.outline(), palette.shaded(metal, 0.35), relief=0.08)
        if scene.facing((sign, 0.0, 0.0)) > 0.2:
            cap = Ball(scene, (sign * (scene.rig.face_width * 1.02 + 0.12), level, -0.05), (0.02, 0.12, 0.12))
            scene.pen.fill(cap.outline(), glow)
    if behind and scene.look.hat in ("none", "headphones"):
        foot, tip = scene.place(np.array([[0.0, -1.05, -0.1], [0.0, -1.42, -0.12]]))
        scene.pen.stroke(
            ink.polygon(np.array([foot, tip]), closed=False), palette.shaded(metal, 0.8), 0.07 * scene.unit
        )
        scene.solid(ink.disc(tip, 0.1 * scene.unit), glow, relief=0.03)


def draw_robot_face(scene: Scene) -> None:
    """Draw seams and rivets on the bare metal face."""
    if scene.look.family != "robot":
        return
    rig, metal = scene.rig, scene.look.skin_rgb
    head = Ball(scene, (0.0, 0.0, 0.0), (rig.face_width, 1.05, rig.depth))
    with scene.pen.clipped(scene.head_path):
        level = max(-0.9, rig.eye_y - 0.55 * rig.eye_height - rig.brow_y - 0.14)
        seam = np.column_stack([np.linspace(-1.2, 1.2, 15) * rig.face_width, np.full(15, level)])
        scene.detail(ink.smooth(head.wrap(head.unit_from_xy(seam)), closed=False), metal, width=0.022, alpha=0.8)
        for x, y in ((-0.78, 0.3), (0.78, 0.3), (-0.6, 0.62), (0.6, 0.62)):
            unit = head.unit_from_xy(np.array([(x * rig.face_width, y)]))
            if head.facing(unit)[0] > 0.15:
                scene.pen.fill(ink.disc(head.place(unit)[0], 0.04 * scene.unit), palette.shaded(metal, 0.8))


def draw_whiskers(scene: Scene) -> None:
    """Draw whiskers beside a cat's, mouse's or rabbit's nose."""
    if scene.look.family not in ("cat", "mouse", "rabbit", "fox"):
        return
    base = scene.contour("nose_base")
    across = scene.rotation[:2, 0] * scene.unit
    down = scene.rotation[:2, 1] * scene.unit
    colour = palette.mix(scene.look.skin_rgb, palette.INK, 0.55)
    for sign, point in ((1.0, base[4]), (-1.0, base[0])):
        if scene.facing((sign * 0.5, 0.0, 0.7)) < 0.25:
            continue
        for tilt in (-0.05, 0.06, 0.17):
            root = point + sign * 0.12 * across + (0.08 + 0.5 * tilt) * down
            tip = root + sign * 0.42 * across + 1.3 * tilt * down
            scene.pen.stroke(
                ink.polygon(np.array([root, tip]), closed=False), colour, max(0.7, 0.014 * scene.unit), 0.8
            )


def has_big_hair(scene: Scene) -> bool:
    """Return whether hair covers the place of human ears."""
    cut = CUTS.get(scene.look.hair)
    return cut is not None and cut.covers_ears
