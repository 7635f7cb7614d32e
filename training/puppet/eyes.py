"""Eyes and brows, painted exactly on the rig's contours: real lids, lashes, irises with light in them."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Scene
from perfkit.vocabulary import CONTOUR_SLICES

_LASH_WIDTH = {"real": 0.032, "toon": 0.036, "anime": 0.075, "dot": 0.03, "animal": 0.04, "screen": 0.03, "void": 0.03}
_LASH_ALONG = np.linspace(0.0, 1.0, 25)
_LASH_PROFILE = (0.35 + 0.65 * np.sin(np.pi * (0.12 + 0.83 * _LASH_ALONG)) ** 0.8) * (1.15 - 0.45 * _LASH_ALONG)
"""How thick the upper lid's line is at its 25 points, from the outer to the inner corner."""
_UP = np.array([0.0, -1.0])


def draw_eye(scene: Scene, side: str) -> None:
    """Draw one eye: lid, ball, iris, lashes. Nothing if the rig lacks it or it is turned away."""
    if f"{side}_eye" in scene.rig.absent or scene.seen(f"{side}_eye") < 0.12:
        return
    rows = CONTOUR_SLICES[f"{side}_eye"]
    points, opened = scene.face[rows], scene.open_face[rows]
    width = float(np.hypot(*(points[8] - points[0])))
    if width < 0.06 * scene.unit:
        return
    share = _openness(points, opened)
    _draw_lid(scene, opened, share)
    kind = scene.look.eyes
    if share > 0.03:
        opening = ink.lens(points, 8)
        if kind == "dot":
            _draw_dot(scene, side, opening)
        elif kind == "screen":
            _draw_screen(scene, side, opening)
        else:
            _draw_ball(scene, side, opening, points)
    _draw_lashes(scene, points, share)


def _openness(points: np.ndarray, opened: np.ndarray) -> float:
    gap, full = (float(np.hypot(*(each[12] - each[4]))) for each in (points, opened))
    return gap / max(full, 1e-6)


def _draw_lid(scene: Scene, opened: np.ndarray, share: float) -> None:
    """Fill what the lids cover of the eye's socket, and draw the crease where the lid folds."""
    if share > 0.97:
        return
    skin = scene.look.skin_rgb
    depth = min(1.0, 1.6 * (1 - share))
    scene.pen.fill(ink.lens(opened, 8), palette.shaded(skin, 0.34), depth)
    top = ink.curve(np.concatenate([opened[8:], opened[:1]]))
    scene.detail(ink.polygon(top[3:-3], closed=False), skin, width=0.016, alpha=0.5 * depth)


def _iris_axes(scene: Scene, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    iris = scene.contour(f"{side}_iris")
    return iris[0], 0.5 * (iris[1] - iris[3]), 0.5 * (iris[4] - iris[2])


def _draw_ball(scene: Scene, side: str, opening: ink.Path, points: np.ndarray) -> None:
    pen, look = scene.pen, scene.look
    iris_rgb = palette.EYES[look.eye_colour]
    centre, across, down = _iris_axes(scene, side)
    white: Colour = (0.985, 0.98, 0.97)
    if look.eyes == "void":
        white = palette.mix(iris_rgb, (0.05, 0.04, 0.08), 0.82)
    elif look.eyes == "animal":
        white = palette.mix(iris_rgb, (1.0, 1.0, 0.9), 0.25) if look.family in ("cat", "fox") else white
    with pen.clipped(opening):
        pen.fill(opening, white)
        if look.eyes == "void":
            _draw_void_shine(scene, points, iris_rgb)
        else:
            _draw_iris(scene, (centre, across, down), iris_rgb)
            shade = palette.shaded(white, 0.8)
            upper = ink.curve(np.concatenate([points[8:], points[:1]]))
            pen.stroke(ink.polygon(upper, closed=False), shade, 0.09 * scene.unit, 0.45)
            _draw_highlights(scene, (centre, across, down))


def _draw_iris(scene: Scene, axes: tuple, colour: Colour) -> None:
    pen, look = scene.pen, scene.look
    centre, across, down = axes
    path = ink.ellipse(centre, across, down)
    dark, bright = palette.mix(colour, (0.06, 0.03, 0.1), 0.62), palette.lit(colour, 0.35)
    if look.style == "flat":
        pen.fill(path, colour)
    else:
        stops = [(0.0, dark, 1.0), (0.5, colour, 1.0), (1.0, bright, 1.0)]
        pen.fill_linear(path, centre - down, centre + down, stops)
    pupil_size = {"real": 0.44, "toon": 0.5, "anime": 0.42, "animal": 0.52}.get(look.eyes, 0.48)
    slit = 0.36 if look.family in ("cat", "fox") else 1.0
    stretch = 1.25 if look.eyes == "anime" else (1.55 if slit < 1 else 1.0)
    pen.fill(ink.ellipse(centre, across * pupil_size * slit, down * pupil_size * stretch), (0.05, 0.03, 0.07))
    pen.stroke(path, palette.mix(colour, (0.05, 0.02, 0.08), 0.75), max(0.8, 0.022 * scene.unit))


def _draw_highlights(scene: Scene, axes: tuple) -> None:
    centre, across, down = axes
    side = 1.0 if scene.light_xy[0] > 0.3 else -1.0
    radius = np.array([np.linalg.norm(across), np.linalg.norm(down)])
    big = 0.34 if scene.look.eyes in ("anime", "animal", "toon") else 0.27
    spot = centre + np.array([side * 0.36, -0.42]) * radius
    scene.pen.fill(ink.ellipse(spot, across * big, down * big * 0.95), palette.WHITE)
    if scene.look.eyes == "anime":
        small = centre + np.array([-side * 0.38, 0.45]) * radius
        scene.pen.fill(ink.ellipse(small, across * 0.17, down * 0.17), palette.WHITE, 0.9)


def _draw_void_shine(scene: Scene, points: np.ndarray, colour: Colour) -> None:
    middle, low = points.mean(axis=0), points[4]
    width = np.linalg.norm(points[8] - points[0])
    scene.pen.fill_radial(ink.disc(low, 0.6 * width), low, 0.6 * width, [(0.0, colour, 0.9), (1.0, colour, 0.0)])
    side = 1.0 if scene.light_xy[0] > 0.3 else -1.0
    scene.pen.fill(ink.disc(middle + np.array([side * 0.2, -0.14]) * width, 0.11 * width), palette.WHITE, 0.95)


def _draw_dot(scene: Scene, side: str, opening: ink.Path) -> None:
    centre, across, down = _iris_axes(scene, side)
    with scene.pen.clipped(opening):
        scene.pen.fill(opening, (0.08, 0.06, 0.1))
        turn = 1.0 if scene.light_xy[0] > 0.3 else -1.0
        spot = centre + across * 0.3 * turn - down * 0.35
        scene.pen.fill(ink.ellipse(spot, across * 0.3, down * 0.3), palette.WHITE)


def _draw_screen(scene: Scene, side: str, opening: ink.Path) -> None:
    glow = palette.lit(palette.EYES[scene.look.eye_colour], 0.25)
    centre, across, down = _iris_axes(scene, side)
    with scene.pen.clipped(opening):
        scene.pen.fill(opening, (0.10, 0.12, 0.17))
        scene.pen.fill_radial(
            ink.ellipse(centre, 1.6 * across, 1.6 * down), centre, 1.6 * float(np.linalg.norm(across)),
            [(0.0, glow, 0.75), (1.0, glow, 0.0)],
        )  # fmt: skip
        scene.pen.fill(ink.ellipse(centre, across * 0.85, down * 0.85), glow)
        scene.pen.fill(ink.ellipse(centre, across * 0.45, down * 0.45), palette.lit(glow, 0.8))
    scene.outline(opening, scene.look.skin_rgb)


def _draw_lashes(scene: Scene, points: np.ndarray, share: float) -> None:
    """Draw the upper lid's line (thicker outwards), the lower lid's, and a girl's lashes; a closed eye is this line."""
    look = scene.look
    if look.eyes == "screen":
        return
    colour = palette.INK if look.line in ("inked", "bold") or look.eyes == "anime" else _soft_ink(scene)
    upper = ink.curve(np.concatenate([points[:1], points[:8:-1], points[8:9]]), 3)
    girl = look.gender == "girl"
    width = _LASH_WIDTH[look.eyes] * (1.3 if girl else 0.9) * scene.unit
    thick = np.maximum(width * _LASH_PROFILE, 0.8)
    scene.pen.fill(ink.ribbon(upper - _UP * 0.15 * thick[:, None], thick), colour)
    lower = ink.curve(np.concatenate([points[:9]]), 2)
    if look.eyes == "anime":
        lower = lower[1:9]
    if share > 0.12 and look.eyes != "dot":
        scene.pen.stroke(ink.polygon(lower, closed=False), colour, max(0.7, 0.016 * scene.unit), 0.75)
    if girl and look.eyes != "dot":
        _draw_wings(scene, points, colour, width)


def _draw_wings(scene: Scene, points: np.ndarray, colour: Colour, width: float) -> None:
    outward = points[0] - points[8]
    outward /= max(np.hypot(*outward), 1e-6)
    reach = 0.11 * scene.unit if scene.look.eyes in ("anime", "toon") else 0.075 * scene.unit
    places = (0, 15, 14) if scene.look.eyes != "real" else (0, 15)
    for order, row in enumerate(places):
        root = points[row]
        tip = root + (outward * (1.0 - 0.3 * order) + _UP * (0.35 + 0.3 * order)) * reach
        base = outward * 0.45 * width
        scene.pen.fill(ink.polygon(np.array([root - base - _UP * 0.2 * width, tip, root + base * 0.4])), colour)


def _soft_ink(scene: Scene) -> Colour:
    return palette.mix(palette.shaded(scene.look.skin_rgb, 1.0), palette.INK, 0.72)


def draw_brow(scene: Scene, side: str) -> None:
    """Draw one brow on its contour."""
    if f"{side}_brow" in scene.rig.absent or scene.seen(f"{side}_brow") < 0.12:
        return
    look = scene.look
    colour = palette.mix(palette.HAIR[look.hair_colour], palette.INK, 0.35)
    if look.family == "robot":
        colour = palette.shaded(look.skin_rgb, 1.0)
    elif look.has_muzzle or look.family == "alien":
        colour = palette.mix(look.skin_rgb, palette.INK, 0.62)
    elif palette.luma(colour) > 0.62:
        colour = palette.mix(colour, palette.shaded(look.skin_rgb, 1.0), 0.5)
    scene.pen.fill(ink.smooth(scene.contour(f"{side}_brow")), colour)
    _draw_frown(scene, side)


def _draw_frown(scene: Scene, side: str) -> None:
    strength = scene.weight(f"browDown{side.capitalize()}")
    if scene.look.family not in ("person", "toon") or strength < 0.35:
        return
    inner = scene.contour(f"{side}_brow")[4:6]
    away = inner.mean(axis=0) + (inner[1] - inner[0]) * 0.2
    sign = -1.0 if side == "left" else 1.0
    across = scene.rotation[:2, 0] * sign * 0.06 * scene.unit
    fold = np.array([away + across + _UP * 0.05 * scene.unit, away + across * 0.8 - _UP * 0.08 * scene.unit])
    scene.detail(ink.polygon(fold, closed=False), scene.look.skin_rgb, width=0.016, alpha=0.6 * strength)
