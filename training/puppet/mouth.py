"""Mouth, tongue, teeth, nose and muzzle, painted exactly on the rig's contours."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Ball, Scene
from perfkit.vocabulary import CONTOUR_SLICES


def lip_colour(scene: Scene) -> Colour:
    """Return the lips' fill."""
    red = 0.62 if scene.look.gender == "girl" else 0.28
    return palette.mix(palette.shaded(scene.look.skin_rgb, 0.3), palette.LIPSTICK, red)


def draw_mouth(scene: Scene) -> None:
    """Draw lips, the mouth's inside, and what frames them."""
    if "mouth" in scene.rig.absent or scene.seen("inner_lips") < 0.1:
        return
    if scene.look.nose == "tick" and abs(scene.rotation[2, 0]) > 0.5:
        with scene.pen.clipped(scene.head_path):
            _draw_lips(scene)
    else:
        _draw_lips(scene)


def _draw_lips(scene: Scene) -> None:
    look = scene.look
    inner, outer = scene.contour("inner_lips"), scene.contour("outer_lips")
    gap = float(np.max(np.linalg.norm(inner[11:] - inner[9:0:-1], axis=1)))
    skin = scene.look.skin_rgb
    if look.family in ("person",) or (look.gender == "girl" and look.family == "toon"):
        lips = ink.lens(outer, 10)
        scene.pen.fill(lips, lip_colour(scene))
        if scene.line_width:
            scene.detail(lips, skin, width=0.012, alpha=0.5)
    if gap > 0.03 * scene.unit:
        _draw_inside(scene, inner, gap)
    else:
        line = ink.curve(0.5 * (inner[:11] + np.concatenate([inner[:1], inner[:9:-1]])), 2)
        width = np.full(len(line), 0.04 * scene.unit) * (0.55 + 0.45 * np.sin(np.linspace(0, np.pi, len(line))))
        scene.pen.fill(ink.ribbon(line, np.maximum(width, 0.9)), _mouth_ink(scene))
    if scene.weight("tongueOut") > 0.15:
        _draw_tongue_out(scene, inner)
    _draw_creases(scene, outer)


def _mouth_ink(scene: Scene) -> Colour:
    if scene.look.line in ("inked", "bold"):
        return palette.INK
    return palette.mix(palette.shaded(scene.look.skin_rgb, 1.0), (0.3, 0.08, 0.1), 0.65)


def _draw_inside(scene: Scene, inner: np.ndarray, gap: float) -> None:
    pen, unit = scene.pen, scene.unit
    path = ink.lens(inner, 10)
    inside = palette.MOUTH_INSIDE if scene.look.family != "robot" else (0.12, 0.14, 0.2)
    with pen.clipped(path):
        pen.fill(path, inside)
        upper, lower = inner[10:].copy(), inner[:11]
        width = float(np.linalg.norm(inner[10] - inner[0]))
        tongue = lower[5] + (0.0, 0.06 * gap)
        if gap > 0.09 * unit and scene.look.family != "robot":
            pen.fill(ink.ellipse(tongue, (0.36 * width, 0.0), (0.0, 0.34 * gap)), palette.TONGUE)
        teeth = min(0.3 * gap, 0.11 * unit)
        if gap > 0.055 * unit:
            edge = np.concatenate([upper, inner[:1]])
            band = np.concatenate([edge + (0.0, -0.3 * gap), (edge + (0.0, teeth))[::-1]])
            pen.fill(ink.polygon(band), palette.TEETH)
        show = scene.weight("mouthStretchLeft") + scene.weight("mouthLowerDownLeft")
        if show > 0.9 and gap > 0.16 * unit:
            low = np.concatenate([lower + (0.0, -0.6 * teeth), (lower + (0.0, 0.3 * gap))[::-1]])
            pen.fill(ink.polygon(low), palette.TEETH)
    if scene.line_width or scene.look.family not in ("person",):
        pen.stroke(path, _mouth_ink(scene), max(0.9, 0.028 * unit))


def _draw_tongue_out(scene: Scene, inner: np.ndarray) -> None:
    strength = scene.weight("tongueOut")
    width = 0.3 * float(np.linalg.norm(inner[10] - inner[0]))
    down = np.array([0.0, 1.0]) * (0.06 + 0.2 * strength) * scene.unit
    root = inner[5] + (0.0, -0.02 * scene.unit)
    across = np.array([width, 0.0])
    shape = np.array(
        [root - across, root - across + 0.6 * down, root + down, root + across + 0.6 * down, root + across]
    )
    path = ink.smooth(shape)
    scene.pen.fill(path, palette.TONGUE)
    scene.detail(path, palette.TONGUE, width=0.02)


def _draw_creases(scene: Scene, outer: np.ndarray) -> None:
    """Draw smile folds where the cheeks are pushed up."""
    if scene.look.family not in ("person", "toon"):
        return
    nose = scene.contour("nose_base")
    for name, corner, ala in (("Left", outer[10], nose[4]), ("Right", outer[0], nose[0])):
        strength = max(scene.weight(f"mouthSmile{name}"), 0.8 * scene.weight(f"noseSneer{name}")) - 0.25
        if strength <= 0 or scene.seen("outer_lips") < 0.5:
            continue
        away = (corner - outer[0 if name == "Left" else 10]) * 0.2
        line = np.array([ala + away * 0.45, 0.5 * (ala + corner) + away * 1.1, corner + away * 0.75])
        scene.detail(ink.smooth(line, closed=False), scene.look.skin_rgb, width=0.018, alpha=min(0.7, strength))


def draw_muzzle(scene: Scene) -> None:
    """Draw the snout of a furred character, under nose and mouth."""
    rig, look = scene.rig, scene.look
    middle_y = 0.45 * rig.nose_y + 0.55 * rig.mouth_y + 0.04
    jaw = 0.55 * scene.weight("jawOpen") * rig.mouth_open
    width, height = max(0.3, 0.62 * rig.mouth_width + 0.06), 0.5 * (rig.mouth_y - rig.nose_y) + 0.2
    back = 0.45 * rig.depth
    lips, tip = scene.face3[CONTOUR_SLICES["inner_lips"]][15], scene.face3[CONTOUR_SLICES["nose_base"]][2]
    reach = 0.5 * float(lips[2] + tip[2]) - back + 0.03
    ball = Ball(scene, (0.0, middle_y + 0.4 * jaw, back), (width, height + 0.42 * jaw, reach))
    light = palette.mix(look.skin_rgb, (1.0, 0.97, 0.92), 0.72 if palette.luma(look.skin_rgb) < 0.88 else 0.9)
    if look.family == "bear":
        light = palette.mix(look.skin_rgb, (0.96, 0.87, 0.72), 0.6)
    path = ball.outline()
    scene.solid(path, light, relief=0.1, line=False)
    if abs(scene.rotation[2, 0]) > 0.3 or abs(scene.rotation[2, 1]) > 0.3:
        with scene.pen.clipped(scene.head_path, outside=True):
            scene.outline(path, light, share=2.0)


def draw_nose(scene: Scene) -> None:
    """Draw the nose of the look, on its contour."""
    if "nose" in scene.rig.absent or scene.look.nose == "none":
        return
    draw = {"real": _draw_real, "bulb": _draw_bulb, "tick": _draw_tick, "pad": _draw_pad, "button": _draw_button}
    draw[scene.look.nose](scene, scene.contour("nose_bridge"), scene.contour("nose_base"))


def _far_side(scene: Scene) -> float:
    """Return +1 where the nose stands out to the right, -1 to the left, and its strength."""
    return float(scene.rotation[0, 2])


def _draw_real(scene: Scene, bridge: np.ndarray, base: np.ndarray) -> None:
    skin, turn = scene.look.skin_rgb, _far_side(scene)
    far = base[4] if turn > 0 else base[0]
    near = base[0] if turn > 0 else base[4]
    tip = bridge[5]
    if abs(turn) > 0.12:
        path = ink.smooth(np.concatenate([bridge, base[2:3], near[None]]))
        scene.pen.fill(path, skin)
    lower = ink.smooth(np.array([base[0], base[1], base[2], base[3], base[4]]), closed=False)
    shadow_side = -np.sign(scene.light_xy[0]) if abs(scene.light_xy[0]) > 0.3 else -1.0
    if abs(turn) <= 0.12 or scene.look.style != "flat":
        flank = base[4] if shadow_side > 0 else base[0]
        wedge = ink.smooth(np.array([bridge[2], 0.5 * (bridge[4] + flank), flank, base[2], tip]))
        scene.pen.fill(wedge, palette.shaded(skin, 0.8), 0.28 + 0.3 * (scene.look.style == "cel"))
    scene.detail(lower, skin, width=0.024)
    if abs(turn) > 0.3:
        ridge = ink.smooth(np.concatenate([bridge[1:], base[2:3]]), closed=False)
        scene.detail(ridge, skin, width=0.024, alpha=min(1.0, 2.2 * (abs(turn) - 0.3)))
    for point in (base[1], base[3]):
        if not (abs(turn) > 0.55 and np.allclose(point, far)):
            scene.pen.fill(ink.disc(point + (0.0, -0.01 * scene.unit), 0.024 * scene.unit), palette.shaded(skin, 1.0))


def _draw_bulb(scene: Scene, bridge: np.ndarray, base: np.ndarray) -> None:
    skin, unit = palette.mix(scene.look.skin_rgb, (0.95, 0.45, 0.4), 0.14), scene.unit
    tip = bridge[5]
    radius = 0.42 * scene.rig.nose_width
    height = 0.75 * radius + 0.1 * scene.rig.nose_width
    middle = 0.55 * tip + 0.45 * base[2] + (0.0, -0.2 * radius * unit)
    path = ink.ellipse(middle, (radius * unit, 0.0), (0.0, height * unit))
    turn = _far_side(scene)
    scene.solid(path, skin, relief=0.05, line=False)
    around = np.linspace(0.15, 0.85, 9) if abs(turn) < 0.35 else np.linspace(-0.15, 0.9, 11)
    angle = np.pi * (around if turn >= 0 else 1 - around)
    arc = middle + unit * np.stack([radius * np.cos(angle), height * np.sin(angle)], axis=1)
    scene.detail(ink.polygon(arc, closed=False), scene.look.skin_rgb, width=0.026)


def _draw_tick(scene: Scene, bridge: np.ndarray, base: np.ndarray) -> None:
    skin, turn = scene.look.skin_rgb, _far_side(scene)
    tip, under = bridge[5], base[2]
    if abs(turn) > 0.62:
        scene.pen.fill(ink.smooth(np.array([bridge[2], bridge[4], tip, under, base[0 if turn > 0 else 4]])), skin)
        line = np.array([bridge[2], bridge[4], tip, under])
        scene.detail(ink.smooth(line, closed=False), skin, width=0.02)
        return
    side = 1.0 if turn >= 0 else -1.0
    reach = np.array([side * 0.035, 0.03]) * scene.unit
    wedge = np.array([tip + (0, -0.035 * scene.unit), tip + reach, under + (0.0, 0.02 * scene.unit)])
    scene.pen.fill(ink.polygon(wedge), palette.shaded(skin, 1.0), 0.8)


def _draw_pad(scene: Scene, bridge: np.ndarray, base: np.ndarray) -> None:
    colour = (0.16, 0.12, 0.14) if scene.look.family in ("dog", "bear", "fox", "panda") else (0.87, 0.48, 0.53)
    across = 0.5 * (base[4] - base[0])
    if np.hypot(*across) < 0.09 * scene.unit:
        across = np.array([0.09, 0.0]) * scene.unit
    tip, under = bridge[5], base[2]
    down = 0.5 * scene.rig.nose_width * scene.unit * scene.rotation[:2, 1]
    middle = 0.5 * (tip + under)
    shape = np.array([
        middle - across - 0.5 * down, middle - 0.62 * down, middle + across - 0.5 * down,
        middle + 0.72 * across + 0.1 * down, middle + 0.62 * down, middle - 0.72 * across + 0.1 * down,
    ])  # fmt: skip
    path = ink.smooth(shape)
    scene.pen.fill(path, colour)
    scene.outline(path, colour)
    turn = 1.0 if scene.light_xy[0] > 0.3 else -1.0
    scene.pen.fill(
        ink.ellipse(middle - 0.32 * down + 0.3 * turn * across, 0.3 * across, 0.16 * down), palette.WHITE, 0.75
    )
    lip = scene.contour("inner_lips")[15]
    scene.detail(ink.polygon(np.array([middle + 0.5 * down, lip]), closed=False), scene.look.skin_rgb, width=0.024)


def _draw_button(scene: Scene, bridge: np.ndarray, base: np.ndarray) -> None:
    colour = palette.shaded(scene.look.skin_rgb, 0.7)
    for point in (base[1], base[3]):
        size = 0.02 if scene.look.family == "alien" else 0.03
        scene.pen.fill(ink.ellipse(point, (size * scene.unit, 0), (0, 1.5 * size * scene.unit)), colour)


def draw_tears(scene: Scene) -> None:
    """Draw a tear under each eye that squints while the brows' inner ends rise and the mouth frowns: crying."""
    sorrow = min(scene.weight("browInnerUp"), scene.weight("mouthFrownLeft"), scene.weight("mouthFrownRight"))
    if sorrow < 0.55 or scene.look.family == "robot":
        return
    for side in ("left", "right"):
        if f"{side}_eye" in scene.rig.absent or scene.seen(f"{side}_eye") < 0.3:
            continue
        low = scene.face[CONTOUR_SLICES[f"{side}_eye"]][3]
        drop = np.array([(0.0, -0.1), (0.05, 0.02), (0.0, 0.07), (-0.05, 0.02)]) * scene.unit
        path = ink.smooth(low + (0.0, 0.1 * scene.unit) + drop)
        with scene.pen.clipped(scene.head_path):
            scene.pen.fill(path, (0.65, 0.86, 0.98), 0.9)
