"""The head's own volume: silhouette at any angle, ears, cheeks. Everything is painted in skin (fur, metal).

The front is a lens over the (moving) face oval, the back an ellipsoid, the chin a small ball: the silhouette is the
hull of the three, found exactly from their support functions.
"""

import numpy as np

from perfkit.rig import surface_z
from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.scene import Scene
from perfkit.vocabulary import CONTOUR_SLICES

_ANGLES = np.arange(80) * (2 * np.pi / 80)
_DIRECTIONS = np.array([np.cos(_ANGLES), np.sin(_ANGLES)])
_BEFORE = np.arange(80) - 1


def head_silhouette(scene: Scene) -> np.ndarray:
    """Return the head's outline without hair and ears, (N, 2) px."""
    rig, rotation = scene.rig, scene.rotation
    ring3 = scene.face3[CONTOUR_SLICES["face_oval"]].astype(np.float64)
    ring = _finer(ring3 @ rotation[:2].T)
    along = ring @ _DIRECTIONS
    best = np.argmax(along, axis=0)
    forward = rig.depth * rotation[:2, 2]
    bulge = np.maximum(0.0, forward @ _DIRECTIONS)
    reach = along[best, np.arange(len(best))]
    height = np.hypot(reach, bulge)
    points = (reach / height)[:, None] * ring[best] + (bulge / height)[:, None] * forward
    chin = ring3[18] + (0.0, -0.21, 0.06)
    width = rig.face_width
    for centre, radii in (
        (np.array([0.0, -0.26, -0.14]), np.array([0.97 * width, 0.84, 1.16 * width])),
        (chin, np.array([0.17, 0.2, 0.2])),
    ):
        px_from_unit = rotation[:2] * radii
        spread = px_from_unit.T @ _DIRECTIONS
        norm = np.sqrt((spread * spread).sum(axis=0))
        middle = rotation[:2] @ centre
        other = middle @ _DIRECTIONS + norm
        wins = other > height
        points = np.where(wins[:, None], middle + (px_from_unit @ (spread / norm)).T, points)
        height = np.maximum(height, other)
    gap = np.abs(points - points[_BEFORE]).sum(axis=1)
    return scene.origin + scene.unit * points[gap > 0.012]


def _finer(ring: np.ndarray) -> np.ndarray:
    """Return a closed ring with twice the points."""
    count = len(ring)
    wrapped = np.concatenate([ring[-1:], ring, ring[:2]])
    fine = np.empty((2 * count, 2))
    fine[::2], fine[1::2] = ring, (9 * (ring + wrapped[2:-1]) - wrapped[:count] - wrapped[3:]) / 16
    return fine


_EAR_SHAPES = {
    "human": np.array([(0.0, -0.2), (0.09, -0.27), (0.2, -0.24), (0.25, -0.1), (0.2, 0.08), (0.1, 0.2), (0.0, 0.17)]),
    "elf": np.array([
        (0.0, -0.16), (0.22, -0.3), (0.5, -0.46), (0.78, -0.6), (0.58, -0.28), (0.3, 0.04), (0.1, 0.2), (0.0, 0.17),
    ]),
}  # fmt: skip


def draw_ear(scene: Scene, sign: float) -> None:
    """Draw one ear of skin (human or elf) at the side `sign` (+1 = the performer's left)."""
    shape = _EAR_SHAPES.get(scene.look.ears)
    if shape is None:
        return
    rig, skin = scene.rig, scene.look.skin_rgb
    size = 1.0 if rig.face_width > 0.6 else 0.85
    base = np.array([sign * rig.face_width * 0.965, rig.eye_y + 0.14, -0.06])
    out = np.array([sign * 0.78, 0.0, -0.62])

    def place(points: np.ndarray) -> np.ndarray:
        return scene.place(base + size * (points[:, :1] * out + points[:, 1:] * np.array([0.0, 1.0, 0.0])))

    path = ink.smooth(place(shape))
    scene.solid(path, skin, relief=0.07)
    inner = place(shape[1:-1] * (0.62, 0.62) + (0.035, -0.01))
    if scene.facing((sign, 0.0, 0.55)) > 0.12:
        scene.pen.fill(ink.smooth(inner), palette.shaded(skin, 0.75), 0.75)


def is_ear_in_front(scene: Scene, sign: float) -> bool:
    """Return whether that side of the head looks at the camera."""
    return scene.facing((sign, 0.0, 0.12)) > 0.3


def draw_cheeks(scene: Scene) -> None:
    """Draw blush, freckles, and the red that rises with a smile or puffed cheeks."""
    rig, look, pen = scene.rig, scene.look, scene.pen
    strength = 0.75 if look.cheeks == "blush" else 0.4 * scene.weight("cheekPuff")
    if strength <= 0.05 and look.cheeks != "freckles":
        return
    for sign in (1.0, -1.0):
        x, y = sign * min(rig.eye_x * 1.25, 0.72 * rig.face_width), rig.eye_y + 0.5 * rig.eye_height + 0.2
        facing = scene.facing((sign * 0.9, 0.2, 0.9))
        if facing < 0.1:
            continue
        z = surface_z(rig, np.array([x]), np.array([y]))[0]
        centre = scene.place(np.array([x, y, z]))
        across = scene.place(np.array([x + 0.18, y, z - sign * 0.1])) - centre
        down = scene.place(np.array([x, y + 0.1, z])) - centre
        if strength > 0.05:
            red = palette.mix(look.skin_rgb, (0.93, 0.35, 0.38), 0.62)
            pen.fill(ink.ellipse(centre, across, down), red, strength * min(1.0, 2 * facing))
        if look.cheeks == "freckles":
            dark = palette.shaded(look.skin_rgb, 1.0)
            for u, v in ((-0.7, -0.2), (-0.2, 0.35), (0.25, -0.3), (0.7, 0.2), (-0.35, -0.75)):
                pen.fill(ink.disc(centre + u * across + v * down, max(0.8, 0.019 * scene.unit)), dark, 0.9)
