"""Torso, neck, clothes, arms and mitten hands, hung on the 33 pose points."""

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.scene import Scene


class Torso:
    """The chest's own axes: `place((across, down))`, in head units from between the shoulders; left is +."""

    def __init__(self, scene: Scene) -> None:
        left, right = scene.joint("left_shoulder"), scene.joint("right_shoulder")
        self.neck = 0.5 * (left + right)
        span = left - right
        self.half = max(0.5 * float(np.hypot(*span)) / scene.unit, 0.15)
        self.across = span / max(float(np.hypot(*span)), 1e-6)
        hips = 0.5 * (scene.joint("left_hip") + scene.joint("right_hip"))
        down = hips - self.neck if np.isfinite(hips).all() else np.array([0.0, 1.0])
        self.down = down / max(float(np.hypot(*down)), 1e-6)
        self.unit, self.rig = scene.unit, scene.rig

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return px of chest points (N, 2)."""
        points = np.asarray(points, dtype=np.float64)
        return self.neck + self.unit * (points[:, :1] * self.across + points[:, 1:] * self.down)


def has_body(scene: Scene) -> bool:
    """Return whether there are shoulders to draw on."""
    return bool(np.isfinite(scene.joint("left_shoulder")).all() and np.isfinite(scene.joint("right_shoulder")).all())


def _neck_width(scene: Scene) -> float:
    base = 0.36 if scene.look.gender == "girl" else 0.44
    return base * min(1.0, scene.rig.face_width / 0.76) * (0.8 if scene.look.family in ("chibi", "alien") else 1.0)


def draw_body(scene: Scene) -> None:
    """Draw upper arms, and over them torso and neck, with the clothes; forearms come later, in front."""
    if not has_body(scene):
        return
    torso, look = Torso(scene), scene.look
    for arm in ("left", "right"):
        _draw_upper_arm(scene, torso, arm)
    cloth = palette.CLOTH[look.cloth_colour]
    width, half = _neck_width(scene), torso.half
    hip = 0.5 * scene.rig.hip_width / scene.rig.shoulder_width * 2 * half
    side = [
        (0.95 * width, -0.36), (0.35 * half + 0.6 * width, -0.24), (0.86 * half, -0.17), (half + 0.1, -0.02),
        (half + 0.17, 0.3), (half + 0.02, 0.9), (0.9 * half, 1.6), (max(hip, 0.84 * half), 2.6), (hip + 0.15, 4.2),
    ]  # fmt: skip
    right = np.array(side)
    outline = np.concatenate([right, right[::-1] * (-1, 1)])
    path = ink.smooth(torso.place(outline))
    if look.clothes == "hoodie":
        _draw_hood(scene, torso, cloth)
    scene.solid(path, cloth, relief=0.3)
    with scene.pen.clipped(path):
        _draw_pattern(scene, torso, cloth)
        _draw_cloth(scene, torso, cloth)
    _draw_neck(scene, torso, width)
    _draw_collar(scene, torso, cloth, width)


def _draw_neck(scene: Scene, torso: Torso, width: float) -> None:
    skin = scene.look.skin_rgb
    top = scene.place(np.array([[-width, 0.5, -0.2], [width, 0.5, -0.2]]))
    if top[0, 0] > top[1, 0]:
        top = top[::-1]
    low = torso.place(
        np.array([[-1.05 * width, -0.3], [-0.6 * width, -0.02], [0, 0.12], [0.6 * width, -0.02], [1.05 * width, -0.3]])
    )
    if low[0, 0] > low[-1, 0]:
        low = low[::-1]
    path = ink.smooth(np.concatenate([top, low[::-1]]))
    scene.solid(path, skin, relief=0.1)
    scene.cast(scene.head_path, path, skin, reach=0.3, alpha=0.8)


def _draw_pattern(scene: Scene, torso: Torso, cloth: Colour) -> None:
    accent = palette.CLOTH[palette.ACCENT[scene.look.cloth_colour]]
    if scene.look.pattern == "stripes":
        for row in np.arange(0.25, 4.0, 0.5):
            x = np.linspace(-1.3, 1.3, 5) * torso.half
            sag = 0.06 * (1 - (x / torso.half) ** 2)
            line = torso.place(np.column_stack([x, row + sag]))
            if line[:, 1].min() > scene.pen.size + 0.2 * scene.unit:
                break
            scene.pen.stroke(ink.smooth(line, closed=False), accent, 0.2 * scene.unit, 0.9)
    elif scene.look.pattern == "dots":
        for at in torso.place(_DOTS):
            if at[1] < scene.pen.size + 0.1 * scene.unit:
                scene.pen.fill(ink.disc(at, 0.085 * scene.unit), accent, 0.95)


_DOTS = np.array([((column + 0.5 * (row % 2)) * 0.42, 0.15 + 0.4 * row) for row in range(6) for column in range(-4, 5)])


def _draw_cloth(scene: Scene, torso: Torso, cloth: Colour) -> None:
    """Draw what lies on the chest: lapels, buttons, pockets, straps, plates."""
    accent = palette.CLOTH[palette.ACCENT[scene.look.cloth_colour]]
    kind, place = scene.look.clothes, torso.place

    def area(points: list, colour: Colour, *, line: bool = True) -> None:
        path = ink.polygon(place(np.array(points)))
        scene.pen.fill(path, colour)
        if line:
            scene.outline(path, colour, share=0.8)

    def stroke(points: list, base: Colour, width: float = 0.026) -> None:
        scene.detail(ink.polygon(place(np.array(points)), closed=False), base, width=width)

    if kind == "suit":
        area([(-0.34, -0.4), (0.34, -0.4), (0.0, 1.5)], (0.96, 0.96, 0.95), line=False)
        area([(-0.1, -0.02), (0.1, -0.02), (0.07, 0.14), (0.16, 1.1), (0.0, 1.35), (-0.16, 1.1), (-0.07, 0.14)], accent)
        for sign in (1, -1):
            area([(sign * 0.36, -0.42), (sign * 0.72, 0.2), (sign * 0.5, 0.42), (sign * 0.02, 1.55), (sign * 0.2, 0.5)],
                 palette.shaded(cloth, 0.25))  # fmt: skip
    elif kind == "jacket":
        area([(-0.4, -0.4), (0.4, -0.4), (0.26, 1.2), (0.26, 4.4), (-0.26, 4.4), (-0.26, 1.2)], accent, line=False)
        for sign in (1, -1):
            area(
                [(sign * 0.36, -0.42), (sign * 0.78, -0.12), (sign * 0.62, 0.55), (sign * 0.24, 0.9)],
                palette.shaded(cloth, 0.3),
            )
            stroke([(sign * 0.25, 0.9), (sign * 0.26, 4.4)], cloth)
    elif kind == "shirt":
        stroke([(0.0, 0.1), (0.0, 4.0)], cloth)
        for row in (0.5, 1.05, 1.6, 2.15):
            scene.pen.fill(ink.disc(place(np.array([[0.0, row]]))[0], 0.045 * scene.unit), accent)
    elif kind == "overalls":
        area([(-0.75, 0.75), (0.75, 0.75), (0.9, 4.4), (-0.9, 4.4)], accent)
        for sign in (1, -1):
            area([(sign * 0.5, -0.5), (sign * 0.78, -0.5), (sign * 0.7, 0.9), (sign * 0.45, 0.9)], accent)
            scene.pen.fill(ink.disc(place(np.array([[sign * 0.58, 0.92]]))[0], 0.07 * scene.unit), (0.95, 0.85, 0.45))
    elif kind == "hoodie":
        for sign in (1, -1):
            line = place(np.array([(sign * 0.2, 0.1), (sign * 0.24, 0.5), (sign * 0.21, 0.8)]))
            scene.pen.stroke(ink.smooth(line, closed=False), accent, 0.055 * scene.unit)
        stroke([(-0.75, 2.6), (-0.55, 1.75), (0.55, 1.75), (0.75, 2.6)], cloth)
    elif kind == "armour":
        stroke([(0.0, 0.2), (0.0, 2.2)], cloth)
        area([(-0.16, 0.45), (0.16, 0.45), (0.0, 0.8)], accent)
        stroke([(-1.2 * torso.half, 1.3), (0.0, 1.65), (1.2 * torso.half, 1.3)], cloth, 0.035)
    elif kind == "sailor":
        area([(-0.95, -0.5), (0.95, -0.5), (0.8, 0.35), (0.0, 0.95), (-0.8, 0.35)], accent)
        area([(-0.36, -0.4), (0.36, -0.4), (0.0, 0.72)], palette.lit(cloth, 0.2), line=False)
        area([(-0.32, 0.62), (0.0, 0.78), (0.32, 0.62), (0.3, 1.02), (0.0, 0.86), (-0.3, 1.02)], palette.CLOTH["red"])


def _draw_collar(scene: Scene, torso: Torso, cloth: Colour, width: float) -> None:
    """Draw the neckline over the neck."""
    kind, place = scene.look.clothes, torso.place
    accent = palette.CLOTH[palette.ACCENT[scene.look.cloth_colour]]
    arc = np.linspace(0, np.pi, 9)
    if kind in ("tshirt", "sweater", "overalls", "armour", "hoodie"):
        deep = {"tshirt": 0.24, "sweater": 0.16, "overalls": 0.2, "armour": 0.1, "hoodie": 0.2}[kind]
        line = np.column_stack([1.1 * width * np.cos(arc), -0.3 + (deep + 0.3) * np.sin(arc) ** 1.2])
        band = {"sweater": 0.17, "hoodie": 0.2, "armour": 0.14}.get(kind, 0.09)
        colour = palette.shaded(cloth, 0.3) if kind != "overalls" else cloth
        path = ink.smooth(place(line), closed=False)
        if scene.line_width:
            scene.pen.stroke(path, scene.ink_colour(cloth), band * scene.unit + 1.6 * scene.line_width)
        scene.pen.stroke(path, colour, band * scene.unit)
    elif kind == "dress":
        skin = scene.look.skin_rgb
        scoop = np.column_stack([0.62 * torso.half * np.cos(arc), -0.22 + 0.75 * np.sin(arc)])
        path = ink.smooth(place(scoop))
        scene.pen.fill(path, skin)
        scene.cast(scene.head_path, path, skin, reach=0.3, alpha=0.8)
        edge = ink.smooth(place(scoop), closed=False)
        scene.pen.stroke(edge, accent, 0.09 * scene.unit)
        scene.outline(edge, accent, share=0.6)
    elif kind in ("shirt", "suit"):
        colour = cloth if kind == "shirt" else (0.97, 0.97, 0.96)
        for sign in (1, -1):
            flap = [
                (sign * 1.15 * width, -0.42),
                (sign * 0.02, 0.02),
                (sign * 0.3, 0.34),
                (sign * 1.2 * width + sign * 0.12, -0.1),
            ]
            path = ink.polygon(place(np.array(flap)))
            scene.solid(path, palette.lit(colour, 0.12), relief=0.05)


def _draw_hood(scene: Scene, torso: Torso, cloth: Colour) -> None:
    arc = np.linspace(-0.15, np.pi + 0.15, 11)
    wide = min(0.98, 0.8 * torso.half + 0.2)
    hood = np.column_stack([wide * np.cos(arc), -0.05 - 0.53 * wide * np.sin(arc)])
    scene.solid(ink.smooth(torso.place(hood)), palette.shaded(cloth, 0.35), relief=0.15)


def _sleeve(scene: Scene) -> tuple[Colour, Colour]:
    """Return colours of upper arm and forearm."""
    cloth, skin = palette.CLOTH[scene.look.cloth_colour], scene.look.skin_rgb
    kind = scene.look.clothes
    if kind == "dress":
        return skin, skin
    if kind in ("tshirt", "overalls"):
        return cloth, skin
    return cloth, cloth


def _arm_thickness(scene: Scene) -> float:
    """Return half the upper arm's width, head units."""
    return (0.1 if scene.look.gender == "girl" else 0.13) * scene.rig.shoulder_width


def _draw_upper_arm(scene: Scene, torso: Torso, side: str) -> None:
    """Draw an upper arm; it goes behind the chest."""
    shoulder, elbow = scene.joint(f"{side}_shoulder"), scene.joint(f"{side}_elbow")
    if not np.isfinite(elbow).all():
        return
    thick, (upper_rgb, lower_rgb) = _arm_thickness(scene), _sleeve(scene)
    shoulder = shoulder + 0.1 * (torso.neck - shoulder) + 0.1 * scene.unit * torso.down
    if _is_outside(scene, shoulder, 1.4 * thick) and _is_outside(scene, elbow, 1.4 * thick):
        return
    if upper_rgb != lower_rgb:
        _draw_limb(scene, (shoulder, elbow), (thick, 0.85 * thick), scene.look.skin_rgb)
        sleeve = shoulder + 0.5 * (elbow - shoulder)
        _draw_limb(scene, (shoulder, sleeve), (1.15 * thick, 1.2 * thick), upper_rgb)
    else:
        _draw_limb(scene, (shoulder, elbow), (thick, 0.88 * thick), upper_rgb)


def draw_forearm(scene: Scene, side: str) -> None:
    """Draw forearm and hand, in front of everything; what is not seen is left out."""
    elbow, wrist = scene.joint(f"{side}_elbow"), scene.joint(f"{side}_wrist")
    if not (np.isfinite(elbow).all() and np.isfinite(wrist).all()):
        return
    thick, lower_rgb = _arm_thickness(scene), _sleeve(scene)[1]
    if _is_outside(scene, elbow, 1.2 * thick) and _is_outside(scene, wrist, 1.2 * thick + 1.8 * scene.rig.hand):
        return
    draw_hand(scene, side)
    _draw_limb(scene, (elbow, wrist), (0.87 * thick, 0.62 * thick), lower_rgb)
    if lower_rgb != scene.look.skin_rgb:
        cuff = wrist + (elbow - wrist) * 0.05
        across = np.array([-(elbow - wrist)[1], (elbow - wrist)[0]])
        across = across / max(float(np.hypot(*across)), 1e-6) * 0.64 * thick * scene.unit
        line = ink.polygon(np.array([cuff - across, cuff + across]), closed=False)
        scene.pen.stroke(line, palette.shaded(lower_rgb, 0.45), 0.11 * scene.unit)


def _is_outside(scene: Scene, point: np.ndarray, reach: float) -> bool:
    """Return whether nothing within `reach` (head units) of a point can show: below the canvas, or far off."""
    (x, y), size, reach_px = point.tolist(), scene.pen.size, reach * scene.unit
    return y - reach_px > size or abs(x - 0.5 * size) > 1.6 * size


_CAPS = np.concatenate([np.linspace(0.5, 1.5, 5), np.linspace(-0.5, 0.5, 5)]) * np.pi
"""Directions from a limb's start to its round back, then from its end to its round front, relative to the limb."""
_CIRCLE = np.stack([np.cos(np.arange(12) * np.pi / 6), np.sin(np.arange(12) * np.pi / 6)], axis=1)


def _draw_limb(scene: Scene, ends: tuple, half_widths: tuple, colour: Colour) -> None:
    (start, end), unit = ends, scene.unit
    along = end - start
    length = float(np.hypot(*along))
    along = along / length if length > 1e-3 else np.array([0.0, 1.0])
    angle = np.arctan2(along[1], along[0])
    turned = angle + _CAPS
    ring = np.array((np.cos(turned), np.sin(turned))).T
    ring[:5] = start + half_widths[0] * unit * ring[:5]
    ring[5:] = end + half_widths[1] * unit * ring[5:]
    scene.solid(ink.smooth(ring), colour, relief=0.16)


def draw_hand(scene: Scene, side: str) -> None:
    """Draw a mitten on wrist, index, pinky and thumb."""
    wrist, index, pinky, thumb = (scene.joint(f"{side}_{part}") for part in ("wrist", "index", "pinky", "thumb"))
    if not all(np.isfinite(point).all() for point in (wrist, index, pinky, thumb)):
        return
    unit, skin = scene.unit, scene.look.skin_rgb
    size = scene.rig.hand * unit
    tip_index, tip_pinky = wrist + 1.45 * (index - wrist), wrist + 1.3 * (pinky - wrist)
    middle = 0.5 * (tip_index + tip_pinky) + 0.12 * (0.5 * (index + pinky) - wrist)
    spots = ((wrist, 0.2), (index, 0.19), (pinky, 0.18), (tip_index, 0.15), (tip_pinky, 0.13), (middle, 0.15))
    palm = ink.hull(np.concatenate([centre + radius * size * _CIRCLE for centre, radius in spots]), 36)
    root = wrist + 0.3 * (0.5 * (index + thumb) - wrist)
    tip = wrist + 1.15 * (thumb - wrist)
    finger = ink.hull(np.concatenate([root + 0.15 * size * _CIRCLE, tip + 0.12 * size * _CIRCLE]), 24)
    scene.solid(ink.unite(palm, finger), skin, relief=0.1)
    for share in (0.33, 0.66):
        knuckle = index + share * (pinky - index)
        end = tip_index + share * (tip_pinky - tip_index)
        line = ink.polygon(np.array([knuckle + 0.25 * (end - knuckle), end + 0.12 * (end - knuckle)]), closed=False)
        scene.detail(line, skin, width=0.016, alpha=0.6)
