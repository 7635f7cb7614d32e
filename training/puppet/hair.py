"""Hair as volumes on the head: what hangs behind, the cap with its fringe in front, tails and tufts.

The cap is a `Ball` around the skull; the face looks out of an opening in it. The opening's upper edge is the fringe,
written in head space, so it turns, nods and disappears behind the limb with the head.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.scene import Ball, Scene
from perfkit.training.puppet.tails import draw_tails


@dataclass(frozen=True)
class Cut:
    """A hair style's cap: added width, top, bottom (head space y), opening's half width below the temples; curtain."""

    volume: float
    top: float
    bottom: float
    window: float
    curtain: float = 0.0
    covers_ears: bool = False


CUTS: dict[str, Cut] = {
    "buzz": Cut(0.02, -1.14, 0.45, 9.0),
    "short": Cut(0.09, -1.24, 0.5, 9.0),
    "bob": Cut(0.2, -1.24, 1.02, 0.84, covers_ears=True),
    "long": Cut(0.17, -1.23, 0.95, 0.86, curtain=2.5, covers_ears=True),
    "wavy": Cut(0.22, -1.25, 1.0, 0.88, curtain=1.75, covers_ears=True),
    "ponytail": Cut(0.07, -1.2, 0.5, 9.0),
    "twintails": Cut(0.08, -1.2, 0.5, 9.0),
    "bun": Cut(0.07, -1.2, 0.5, 9.0),
    "curly": Cut(0.24, -1.36, 0.75, 0.95, covers_ears=True),
    "spiky": Cut(0.1, -1.22, 0.5, 9.0),
    "braids": Cut(0.1, -1.21, 0.62, 0.92, covers_ears=True),
    "quiff": Cut(0.06, -1.2, 0.45, 9.0),
}

# Fringe edges: x as a share of the face's half width, y as a share of the way from hairline (0) to brows (1).
_FRINGES: dict[str, list[tuple[float, float]]] = {
    "slick": [
        (-0.93, 1.7), (-0.87, 0.95), (-0.66, 0.3), (-0.32, 0.0), (0.0, -0.1), (0.32, 0.0), (0.66, 0.3), (0.87, 0.95),
        (0.93, 1.7),
    ],
    "bangs": [
        (-0.92, 1.25), (-0.84, 0.95), (-0.5, 0.92), (-0.46, 0.7), (-0.4, 0.93), (-0.04, 0.95), (0.0, 0.74),
        (0.05, 0.95), (0.4, 0.93), (0.45, 0.7), (0.5, 0.92), (0.84, 0.95), (0.92, 1.25),
    ],
    "parted": [
        (-0.92, 1.45), (-0.82, 0.95), (-0.5, 0.5), (-0.1, 0.08), (0.0, -0.18), (0.1, 0.08), (0.5, 0.5), (0.82, 0.95),
        (0.92, 1.45),
    ],
    "swept": [
        (-0.92, 1.4), (-0.84, 0.85), (-0.62, 0.4), (-0.42, -0.1), (-0.3, 0.1), (0.1, 0.62), (0.5, 0.95), (0.72, 1.2),
        (0.8, 0.98), (0.92, 1.5),
    ],
    "curtain": [
        (-0.94, 2.2), (-0.8, 1.7), (-0.62, 1.0), (-0.3, 0.4), (0.0, -0.12), (0.3, 0.4), (0.62, 1.0), (0.8, 1.7),
        (0.94, 2.2),
    ],
    "jagged": [
        (-0.94, 1.9), (-0.76, 0.72), (-0.66, 1.1), (-0.48, 0.45), (-0.3, 1.12), (-0.16, 0.42), (0.06, 1.3), (0.2, 0.42),
        (0.4, 1.15), (0.54, 0.45), (0.68, 1.1), (0.78, 0.7), (0.94, 1.9),
    ],
}  # fmt: skip
_SHARP = frozenset({"jagged", "bangs"})


def hair_rgb(scene: Scene) -> palette.Colour:
    """Return the hair's colour; stubble on the skull shines through to the skin."""
    colour = palette.HAIR[scene.look.hair_colour]
    return palette.mix(colour, scene.look.skin_rgb, 0.38) if scene.look.hair == "buzz" else colour


def cap_ball(scene: Scene) -> Ball:
    """Return the volume that hair, hats and headphones sit on."""
    rig, cut = scene.rig, CUTS.get(scene.look.hair)
    volume, top, bottom = (cut.volume, cut.top, cut.bottom) if cut else (0.0, -1.12, 0.5)
    middle = 0.5 * (top + bottom)
    half_width = rig.face_width + volume + (0.05 * rig.cheek if cut else 0)
    return Ball(scene, (0.0, middle, -0.14), (half_width, 0.5 * (bottom - top), 1.18 * rig.face_width + volume + 0.03))


def fringe_curve(scene: Scene) -> np.ndarray:
    """Return the fringe's edge in head space (N, 2), from the performer's right to left."""
    rig = scene.rig
    brow = rig.eye_y - 0.55 * rig.eye_height - rig.brow_y
    lowest = rig.eye_y - 0.52 * rig.eye_height
    hairline = -1.0 + 0.42 * max(0.15, brow + 1.0)
    points = np.array(_FRINGES[scene.look.fringe])
    share = points[:, 1]
    y = np.where(
        share <= 1, hairline + share * (brow - hairline), brow + (share - 1) * (max(lowest, brow + 0.1) - brow)
    )
    return np.column_stack([points[:, 0] * rig.face_width, y])


def _opening(scene: Scene, ball: Ball, cut: Cut) -> ink.Path:
    """Return the visible part of the hole in the cap through which the face looks, px.

    Fringe over the forehead, down in front of (or behind) the ears, and back under the nape, where the cap is open.
    """
    rig, fringe = scene.rig, fringe_curve(scene)
    temple = rig.eye_y + 0.16
    wide = cut.window * rig.face_width
    edge, low = ball.unit_from_xy(_dense(_finer_fringe(scene, fringe))), ball.low_rim()[None]
    if cut.window < 2:
        front = np.array([(wide, temple + 0.15), (0.98 * wide, 0.45), (0.9 * wide, 0.75 * cut.bottom + 0.1)])
        side = _bend(np.concatenate([edge[-1:], ball.unit_from_xy(front), _UNDER_CHEEK, low]))
    else:
        front = np.array([(0.95 * rig.face_width, temple)])
        side = _bend(np.concatenate([edge[-1:], ball.unit_from_xy(front), _BEHIND_EAR, low]))
    ring = np.concatenate([edge, side[1:], side[::-1] * (-1.0, 1.0, 1.0)])
    return ink.polygon(ball.window(ring))


def _bend(unit: np.ndarray) -> np.ndarray:
    """Return a smooth line over the ball through unit vectors (N, 3)."""
    fine = ink.curve(unit, 4)
    return fine / np.linalg.norm(fine, axis=1, keepdims=True)


def _units(rows: list[tuple[float, float, float]]) -> np.ndarray:
    unit = np.array(rows)
    return unit / np.linalg.norm(unit, axis=1, keepdims=True)


_BEHIND_EAR = _units([(0.99, 0.35, 0.12), (0.97, 0.3, -0.2), (0.86, 0.6, -0.3)])
_UNDER_CHEEK = _units([(0.7, 0.95, 0.05), (0.6, 0.95, -0.2)])


def _finer_fringe(scene: Scene, fringe: np.ndarray) -> np.ndarray:
    return fringe if scene.look.fringe in _SHARP else ink.curve(fringe, 3)


def _dense(ring: np.ndarray) -> np.ndarray:
    """Return the line with every edge's middle added, so that it bends around the head."""
    fine = np.empty((2 * len(ring) - 1, 2))
    fine[::2], fine[1::2] = ring, 0.5 * (ring[1:] + ring[:-1])
    return fine


def draw_back_hair(scene: Scene) -> None:
    """Draw everything that hangs behind head and shoulders."""
    look = scene.look
    cut = CUTS.get(look.hair)
    if cut is None or look.hair == "bald":
        return
    base = palette.shaded(hair_rgb(scene), 0.3)
    ball = cap_ball(scene)
    draw_tails(scene, colour=hair_rgb(scene), front=False)
    if cut.curtain:
        _draw_curtain(scene, ball, cut, base)
    elif look.hair == "spiky":
        _draw_spikes(scene, ball, base, front=False)
    elif look.hair == "curly":
        _draw_curls(scene, ball, base)
    else:
        scene.solid(ball.outline(), base, relief=0.15)


def _draw_curtain(scene: Scene, ball: Ball, cut: Cut, base: palette.Colour) -> None:
    """Hang long hair from the cap down its own weight: it follows yaw, and hardly pitch or roll."""
    ring = ball.outline_points(28)
    width, unit = ball.radii[0] * (1.0 if scene.look.hair == "long" else 1.12), scene.unit
    yaw = np.arctan2(scene.rotation[0, 2], scene.rotation[2, 2])
    back = scene.place(np.array([0.0, 0.45, -0.45]))
    span = unit * np.hypot(width * np.cos(yaw), 0.55 * np.sin(yaw))
    t = np.linspace(-1, 1, 9)
    drop = cut.curtain - 0.45
    notch = np.where(np.arange(9) % 2 == 0, 0.0, -0.12 if scene.look.hair == "long" else -0.2)
    bottom = back + np.stack([t * span * 0.96, (drop + notch - 0.15 * t * t) * unit], axis=1)
    sides = back + np.array([[-span * 1.03, 0.45 * drop * unit], [span * 1.03, 0.45 * drop * unit]])
    upper = ink.hull_points(np.concatenate([ring, sides, bottom[[0, -1]]]), 40)
    body = ink.unite(ink.hull(upper, 40), ink.smooth(np.concatenate([sides[:1], bottom, sides[1:]])))
    scene.solid(body, base, relief=0.25)


def _front_locks(scene: Scene, ball: Ball, cut: Cut) -> list[ink.Path]:
    """Return the locks that fall from the temples in front of the shoulders, on the sides that show."""
    wide, locks = cut.window * scene.rig.face_width, []
    length = (0.62 * cut.curtain) * scene.unit
    for sign in (1.0, -1.0):
        side = scene.facing((sign, 0.0, 0.0))
        high = ball.unit_from_xy(np.array([(sign * wide, 0.1), (sign * 0.96 * wide, 0.45)]))
        behind = -0.36 - 0.5 * max(0.0, side)
        back = np.array([[sign * 0.93, 0.1, behind], [sign * 0.9, 0.42, behind]])
        back /= np.linalg.norm(back, axis=1, keepdims=True)
        (top_front, low_front), (top_back, low_back) = ball.wrap(high), ball.wrap(back)
        span = float(np.hypot(*(low_back - low_front)))
        if span < 0.1 * scene.unit or side < -0.55:
            continue
        down = np.array([0.0, length])
        curl = 0.1 * scene.unit * np.array([sign, 0.0]) * (scene.look.hair == "wavy")
        narrow = 0.14 * (low_back - low_front)
        front_edge = np.array([top_front, low_front, low_front + 0.5 * down + curl, low_front + down + narrow])
        tip = 0.5 * (low_front + low_back) + 1.12 * down
        back_edge = np.array([tip, low_back + 0.92 * down - narrow, low_back + 0.5 * down + curl, low_back, top_back])
        locks.append(ink.smooth(np.concatenate([front_edge, back_edge])))
    return locks


def draw_front_hair(scene: Scene) -> None:
    """Draw cap and fringe over the face, with its shadow on the forehead."""
    look = scene.look
    cut = CUTS.get(look.hair)
    if look.hair == "mohawk":
        _draw_mohawk(scene)
    if cut is None:
        return
    ball, colour = cap_ball(scene), hair_rgb(scene)
    silhouette = ball.outline()
    if look.hair == "spiky":
        _draw_spikes(scene, ball, colour, front=True)
    elif look.hair == "curly":
        silhouette = _curl_outline(scene, ball)
    elif look.hair == "quiff":
        _draw_quiff(scene, ball, colour)
    cap = ink.subtract(silhouette, _opening(scene, ball, cut))
    if cut.curtain:
        cap = ink.unite(cap, *_front_locks(scene, ball, cut))
    if look.hair != "buzz":
        scene.cast(cap, scene.head_path, look.skin_rgb, reach=0.09)
    scene.solid(cap, colour, relief=0.22)
    if look.hair != "buzz":
        _draw_strands(scene, ball, cap, colour)
    if look.hair == "quiff":
        _draw_quiff(scene, ball, colour)
    draw_tails(scene, colour=colour, front=True)


def _draw_strands(scene: Scene, ball: Ball, cap: ink.Path, colour: palette.Colour) -> None:
    """Draw a few strands from crown to fringe, and a band of shine across them."""
    edge = ball.unit_from_xy(fringe_curve(scene))
    ends = edge[:: max(1, len(edge) // 6)][1:-1]
    lines = _CROWN + _STRAND_STEPS * (ends[:, None] - _CROWN)
    lines /= np.sqrt((lines * lines).sum(axis=-1, keepdims=True))
    ahead, px = ball.facing(lines) > 0.12, ball.place(lines)
    dark = palette.shaded(colour, 0.35)
    with scene.pen.clipped(cap):
        if scene.look.style != "flat":
            _draw_shine(scene, ball, colour)
        for line, shown in zip(px, ahead, strict=True):
            if np.count_nonzero(shown) >= 3:
                scene.detail(ink.smooth(line[shown], closed=False), dark, width=0.02, alpha=0.5)


_CROWN = np.array([0.0, -0.93, -0.36])
_STRAND_STEPS = np.linspace(0.3, 0.93, 6)[:, None]
_SHINE_LON = np.linspace(-1.05, 1.05, 15)
_SHINE_SAW = np.where(np.arange(15) % 2 == 0, 0.0, 0.075)
_SHINE_TAPER = np.sqrt(np.maximum(0.0, 1 - (_SHINE_LON / 1.06) ** 2))


def _draw_shine(scene: Scene, ball: Ball, colour: palette.Colour) -> None:
    lon = _SHINE_LON + 0.45 * scene.light_xy[0]

    def band(lat: np.ndarray) -> np.ndarray:
        return np.column_stack([np.cos(lat) * np.sin(lon), -np.sin(lat), np.cos(lat) * np.cos(lon)])

    high, low = band(0.93 + 0.05 * _SHINE_TAPER), band(0.93 - (0.13 + _SHINE_SAW) * _SHINE_TAPER)
    shine = np.concatenate([high, low[::-1]])
    if ball.facing(shine).mean() < 0.1:
        return
    strength = {"cel": 0.5, "soft": 0.38}[scene.look.style]
    scene.pen.fill(ink.smooth(ball.wrap(shine)), palette.lit(colour, 0.62), strength)


def _spike_fan() -> np.ndarray:
    """Return directions (N, 3) of spikes over the skull."""
    rows = []
    for lat, count, phase in ((0.25, 12, 0.0), (0.62, 10, 0.3), (1.0, 7, 0.1), (1.4, 4, 0.2)):
        lon = phase + np.arange(count) * 2 * np.pi / count
        rows.append(
            np.column_stack([np.cos(lat) * np.sin(lon), np.full(count, -np.sin(lat)), np.cos(lat) * np.cos(lon)])
        )
    return np.concatenate(rows)


def _spike_corners(spikes: np.ndarray) -> np.ndarray:
    """Return the triangle (N, 3, 3) of every spike: two roots beside its direction and a leaning tip."""
    side = np.cross(spikes, (0.0, 0.3, 1.0))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    tip = spikes * 1.36 + (0.12, -0.12, 0.0)
    return np.stack([spikes * 0.8 - side * 0.34, tip, spikes * 0.8 + side * 0.34], axis=1)


_SPIKES = _spike_fan()
_SPIKE_CORNERS = _spike_corners(_SPIKES)


def _draw_spikes(scene: Scene, ball: Ball, colour: palette.Colour, *, front: bool) -> None:
    facing = ball.facing(_SPIKES)
    keep = (facing > -0.1) & (_SPIKES[:, 1] < -0.5) if front else facing < 0.45
    order = np.flatnonzero(keep)[np.argsort(facing[keep])]
    shapes = [ink.polygon(corners) for corners in ball.place(_SPIKE_CORNERS[order])]
    whole = ink.unite(ball.outline(0.98), *shapes) if not front else None
    if whole is not None:
        scene.solid(whole, colour, relief=0.15)
        return
    for shape in shapes:
        scene.solid(shape, colour, relief=0.08)


def _curl_centres(ball: Ball, count: int = 16) -> np.ndarray:
    centres = ball.outline_points(count, 0.93)
    return centres[centres[:, 1] < ball.middle[1] + 0.45 * np.ptp(centres[:, 1])]


def _curl_outline(scene: Scene, ball: Ball) -> ink.Path:
    radius = 0.25 * scene.unit
    return ink.unite(ball.outline(), *[ink.disc(centre, radius) for centre in _curl_centres(ball)])


def _draw_curls(scene: Scene, ball: Ball, base: palette.Colour) -> None:
    scene.solid(_curl_outline(scene, ball), base, relief=0.2)


def _draw_mohawk(scene: Scene) -> None:
    angle = np.linspace(0.35, 2.75, 9)
    base = np.column_stack([np.zeros(9), -0.26 - 0.84 * np.sin(angle), -0.14 + 0.86 * np.cos(angle)])
    colour = palette.HAIR[scene.look.hair_colour]
    middle = np.array([0.0, -0.26, -0.14])
    rows = []
    for index, point in enumerate(base):
        reach = 1.5 if index % 2 else 1.22
        rows.append(middle + (point - middle) * reach)
    width = 0.17
    outer = np.array(rows)
    both = np.concatenate([base + (width, 0, 0), base - (width, 0, 0)])
    tips = ink.polygon(scene.place(np.concatenate([base[:1], outer, base[::-1]])))
    body = ink.unite(ink.hull(scene.place(both)), tips) if abs(scene.rotation[0, 2]) < 0.35 else tips
    crest = ink.hull(
        scene.place(np.concatenate([both, 0.5 * (outer + base) + (0.1, 0, 0), 0.5 * (outer + base) - (0.1, 0, 0)]))
    )
    with scene.pen.clipped(scene.face_path, outside=True):
        scene.solid(ink.unite(crest, body), colour, relief=0.14)


def _draw_quiff(scene: Scene, ball: Ball, colour: palette.Colour) -> None:
    width = scene.rig.face_width
    volume = Ball(scene, (0.1 * width, -1.12, 0.3), (0.72 * width, 0.34, 0.5))
    if scene.facing((0.0, -0.2, 1.0)) > 0.1:
        scene.solid(volume.outline(), colour, relief=0.14)
