"""Where a rig's contour points lie at rest, and how far each of the 52 weights moves them (a linear basis).

In: a `Rig`. Out: `Layout`, cached per rig: rest (K, 3), basis (52, K * 3), the lids' meeting lines. Head space, see
`perfkit.rig`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from perfkit.geometry import smoothstep
from perfkit.proportions import Rig
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

NUM_WEIGHTS = len(BLENDSHAPES)


def surface_z(rig: Rig, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the depth of the face's surface in front of (x, y), head space; the face oval is its rim."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    radius = np.clip(np.hypot(x / (1.04 * rig.face_width), y), 1e-3, 0.98)
    rim = rig.depth * np.where(y > 0, 0.42, 0.25) * y * y / radius
    return rim + rig.depth * np.sqrt(1.0 - radius * radius)


@dataclass(frozen=True, eq=False)
class Layout:
    """Arrays that depend on the rig alone: rest (K, 3), basis (52, 3 K), lids' meeting line (2, 7, 3), iris box."""

    rest: np.ndarray
    basis: np.ndarray
    closed: np.ndarray
    iris_reach: np.ndarray


@lru_cache(maxsize=256)
def make_layout(rig: Rig) -> Layout:
    """Lay out a rig's contour points at rest and what each of the 52 weights moves; remembered per rig."""
    rest = np.zeros((NUM_CONTOUR_POINTS, 3))
    basis = np.zeros((NUM_WEIGHTS, NUM_CONTOUR_POINTS, 3))
    _lay_oval(rig, rest, basis)
    closed = np.stack([_lay_eye(rig, side, rest, basis) for side in ("left", "right")])
    for side in ("left", "right"):
        _lay_brow(rig, side, rest, basis)
    _lay_nose(rig, rest, basis)
    for ring in ("outer_lips", "inner_lips"):
        _lay_lips(rig, ring, rest, basis)
    reach = np.array([rig.eye_width * 0.36, rig.eye_height * 0.36])
    layout = Layout(
        rest.astype(np.float32),
        basis.reshape(NUM_WEIGHTS, -1).astype(np.float32),
        closed.astype(np.float32),
        reach.astype(np.float32),
    )
    for array in (layout.rest, layout.basis, layout.closed, layout.iris_reach):
        array.setflags(write=False)
    return layout


def _sign(side: str) -> float:
    return 1.0 if side == "left" else -1.0


def _lay_oval(rig: Rig, rest: np.ndarray, basis: np.ndarray) -> None:
    rows = CONTOUR_SLICES["face_oval"]
    theta = np.arange(36) * (2 * np.pi / 36)
    sine, y = np.sin(theta), -np.cos(theta)
    fullness = np.where(y > 0, rig.jaw, 0.92)
    x = rig.face_width * np.sign(sine) * np.abs(sine) ** fullness
    x += rig.cheek * np.sign(sine) * np.exp(-(((y - 0.38) / 0.3) ** 2)) * np.minimum(1, 3 * np.abs(sine))
    z = rig.depth * np.where(y > 0, 0.42, 0.25) * y * y
    rest[rows] = np.stack([x, y, z], axis=-1)
    chin = smoothstep(0.15, 1.0, y)
    cheek = np.exp(-(((y - 0.4) / 0.4) ** 2)) * np.sign(sine) * np.minimum(1, 2.5 * np.abs(sine))
    _set(basis, "jawOpen", rows, dx=-0.06 * cheek * chin, dy=rig.jaw_drop * chin)
    for name, direction in (("jawLeft", 1.0), ("jawRight", -1.0)):
        _set(basis, name, rows, dx=direction * 0.6 * rig.mouth_gain * chin)
    _set(basis, "jawForward", rows, dz=0.12 * chin)
    _set(basis, "cheekPuff", rows, dx=0.1 * cheek)
    _set(basis, "mouthShrugLower", rows, dy=-0.03 * chin)


def _lay_eye(rig: Rig, side: str, rest: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Fill one eye and its iris; return the line (7, 3) on which its lids meet, outer to inner."""
    sign = _sign(side)
    t = np.arange(1, 8) / 8
    along = -np.cos(np.pi * t)
    shape = np.maximum(1e-9, 1 - along**2) ** (0.85 - 0.25 * rig.eye_roundness)
    half = 0.5 * rig.eye_width

    def place(outward: np.ndarray, lift: np.ndarray) -> np.ndarray:
        x = sign * (rig.eye_x - half * outward)
        y = rig.eye_y + rig.eye_tilt * rig.eye_width * 0.5 * outward + lift
        return np.stack([x, y, surface_z(rig, x, y)], axis=-1)

    upper = place(along, -0.55 * rig.eye_height * shape * (1 + 0.12 * along))
    lower = place(along, 0.45 * rig.eye_height * shape * (1 - 0.1 * along))
    corners = place(np.array([-1.0, 1.0]), np.zeros(2))
    rows = CONTOUR_SLICES[f"{side}_eye"]
    rest[rows] = np.concatenate([corners[:1], lower, corners[1:], upper[::-1]])
    closed = upper + rig.lid_close * (lower - upper)
    radius = 0.5 * rig.iris_size * min(rig.eye_height, rig.eye_width)
    centre = np.array([sign * rig.eye_x, rig.eye_y - 0.04 * rig.eye_height])
    rim = np.array([[0, 0], [1, 0], [0, -1], [-1, 0], [0, 1]]) * (radius, radius * rig.iris_stretch) + centre
    iris = CONTOUR_SLICES[f"{side}_iris"]
    rest[iris] = np.column_stack([rim, np.full(5, surface_z(rig, *centre))])
    rest[iris, 2] += (rim[:, 0] - centre[0]) * _slope(rig, *centre)
    reach_x, reach_y = rig.eye_width * 0.34, rig.eye_height * 0.34
    name = side.capitalize()
    for direction, dx, dy in (("Out", sign, 0), ("In", -sign, 0), ("Up", 0, -1), ("Down", 0, 1)):
        travel = np.full(5, dx * reach_x)
        _set(basis, f"eyeLook{direction}{name}", iris, dx=travel, dy=dy * reach_y, dz=travel * _slope(rig, *centre))
    return closed


def _slope(rig: Rig, x: float, y: float) -> float:
    """Return dz/dx of the surface at one point."""
    ahead, behind = surface_z(rig, np.array([x + 0.03, x - 0.03]), np.array([y, y]))
    return float((ahead - behind) / 0.06)


def _lay_brow(rig: Rig, side: str, rest: np.ndarray, basis: np.ndarray) -> None:
    sign, rows = _sign(side), CONTOUR_SLICES[f"{side}_brow"]
    inner = np.linspace(0.0, 1.0, 5)
    middle_y = rig.eye_y - 0.55 * rig.eye_height - rig.brow_y
    line = middle_y + rig.brow_tilt * (inner - 0.5) - rig.brow_arch * (1 - (2 * inner - 1) ** 2)
    half = 0.5 * rig.brow_thickness * np.array([0.35, 0.85, 1.0, 1.0, 0.8])
    x = sign * (rig.eye_x + rig.brow_width * (0.52 - inner))
    lower, upper = np.stack([x, line + half], -1), np.stack([x, line - half], -1)
    ring = np.concatenate([lower, upper[::-1]])
    rest[rows] = np.column_stack([ring, surface_z(rig, ring[:, 0], ring[:, 1]) + 0.02])
    toward_inner = np.concatenate([inner, inner[::-1]])
    gain, name = rig.brow_gain, side.capitalize()
    _set(basis, f"browDown{name}", rows, dx=-sign * 0.25 * gain * toward_inner, dy=gain * (0.3 + 0.55 * toward_inner))
    _set(basis, "browInnerUp", rows, dy=-gain * toward_inner**1.5)
    _set(basis, f"browOuterUp{name}", rows, dy=-gain * (0.3 + 0.6 * (1 - toward_inner)))
    _set(basis, f"noseSneer{name}", rows, dy=0.2 * gain * toward_inner)


def _lay_nose(rig: Rig, rest: np.ndarray, basis: np.ndarray) -> None:
    bridge, base = CONTOUR_SLICES["nose_bridge"], CONTOUR_SLICES["nose_base"]
    t = np.linspace(0.0, 1.0, 6)
    top = min(rig.eye_y, rig.nose_y - 0.12)
    tip = rig.nose_y - 0.22 * rig.nose_width
    y = top + (tip - top) * t
    z = surface_z(rig, np.zeros(6), y) + rig.nose_length * t**1.6 + _snout(rig, np.zeros(6), y)
    rest[bridge] = np.stack([np.zeros(6), y, z], axis=-1)
    across = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    x = 0.5 * rig.nose_width * across
    y = rig.nose_y + 0.12 * rig.nose_width * np.array([-0.6, 0.1, 0.3, 0.1, -0.6])
    z = surface_z(rig, x, y) + rig.nose_length * (0.55 - 0.4 * across**2) + _snout(rig, x, y)
    rest[base] = np.stack([x, y, z], axis=-1)
    for side in ("left", "right"):
        near = np.clip(_sign(side) * across, 0, 1)
        _set(basis, f"noseSneer{side.capitalize()}", base, dx=0.02 * across * near, dy=-0.06 * near)


def _snout(rig: Rig, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far a muzzle pushes the surface out at (x, y)."""
    middle = 0.5 * (rig.nose_y + rig.mouth_y)
    return rig.muzzle * np.exp(-((np.asarray(x) / 0.6) ** 2) - ((np.asarray(y) - middle) / 0.55) ** 2)


def _lay_lips(rig: Rig, ring: str, rest: np.ndarray, basis: np.ndarray) -> None:
    rows, outer = CONTOUR_SLICES[ring], ring == "outer_lips"
    step = np.arange(20)
    along = np.where(step <= 10, -np.cos(np.pi * step / 10), np.cos(np.pi * (step - 10) / 10))
    lower, upper = (step > 0) & (step < 10), step > 10
    bump = np.maximum(0.0, 1 - along**2)
    half = 0.5 * rig.mouth_width * (1.0 if outer else 0.94)
    bow = bump**0.75 * (1 - 0.22 * np.exp(-((along / 0.22) ** 2)))
    lift = (np.where(lower, rig.lip_lower * bump**0.8, 0) - np.where(upper, rig.lip_upper * bow, 0)) * outer
    x, y = half * along, rig.mouth_y - rig.mouth_curve * (along**2 - 0.4) + lift
    rest[rows] = np.stack([x, y, surface_z(rig, x, y) + 0.02 + _snout(rig, x, y)], axis=-1)
    gap = _open_jaw(rig, basis, rows, (along, lower, upper))
    _set(basis, "mouthClose", rows, dy=np.where(lower, -0.6, 0.4) * gap * (lower | upper))
    _move_lips(rig, basis, rows, (along, lower, upper, outer))
    _move_lip_sides(rig, basis, rows, (along, lower, upper, outer))


def _open_jaw(rig: Rig, basis: np.ndarray, rows: slice, lip: tuple[np.ndarray, ...]) -> np.ndarray:
    """Fill jawOpen; return the gap (20,) that it opens between the lips, which mouthClose takes back."""
    along, lower, upper = lip
    bump = np.maximum(0.0, 1 - along**2) ** 0.55
    corner = 0.2 * rig.mouth_open
    lower_dy = corner + (0.96 * rig.mouth_open - corner) * bump
    upper_dy = corner * (1 - bump) - 0.04 * rig.mouth_open * bump
    dy = np.where(lower, lower_dy, np.where(upper, upper_dy, corner))
    _set(basis, "jawOpen", rows, dx=-0.07 * rig.mouth_width * along, dy=dy, dz=-0.12 * dy)
    return lower_dy - upper_dy


def _move_lips(rig: Rig, basis: np.ndarray, rows: slice, lip: tuple) -> None:
    along, lower, upper, outer = lip
    gain, half, bump = rig.mouth_gain, 0.5 * rig.mouth_width, 1 - along**2
    apart = np.where(lower, 1.0, np.where(upper, -1.0, 0.0)) * np.maximum(bump, 0) ** 0.6
    _set(basis, "mouthFunnel", rows, dx=-0.34 * half * along, dy=0.55 * gain * apart, dz=0.12)
    _set(basis, "mouthPucker", rows, dx=-0.48 * half * along, dy=(0.16 if outer else 0.02) * gain * apart, dz=0.16)
    for name, direction in (("mouthLeft", 1.0), ("mouthRight", -1.0)):
        _set(basis, name, rows, dx=direction * gain * (0.45 + 0.1 * bump), dy=-0.1 * gain * direction * along)
    for name, direction in (("jawLeft", 1.0), ("jawRight", -1.0)):
        _set(basis, name, rows, dx=direction * gain * np.where(lower, 0.55, 0.25))
    _set(basis, "jawForward", rows, dz=np.where(lower, 0.12, 0.04))
    below, above = lower * bump, upper * bump
    _set(basis, "mouthRollLower", rows, dy=-(0.7 * rig.lip_lower if outer else 0.05 * gain) * below)
    _set(basis, "mouthRollUpper", rows, dy=(0.7 * rig.lip_upper if outer else 0.05 * gain) * above)
    _set(basis, "mouthShrugLower", rows, dy=-0.28 * gain * bump * np.where(lower, 1.0, 0.7))
    _set(basis, "mouthShrugUpper", rows, dy=-0.25 * gain * bump * np.where(upper, 1.0, 0.3))
    _set(basis, "cheekPuff", rows, dx=-0.1 * half * along, dz=0.05)


def _move_lip_sides(rig: Rig, basis: np.ndarray, rows: slice, lip: tuple) -> None:
    along, lower, upper, outer = lip
    gain, bump = rig.mouth_gain, np.maximum(0.0, 1 - along**2)
    thin = np.where(lower, -rig.lip_lower, np.where(upper, rig.lip_upper, 0.0)) * bump * outer
    for side in ("left", "right"):
        name, sign = side.capitalize(), _sign(side)
        share = smoothstep(-0.35, 0.35, sign * along)
        corner = share * np.abs(along) ** 2.2
        _set(
            basis,
            f"mouthSmile{name}",
            rows,
            dx=sign * 0.5 * gain * corner,
            dy=-0.62 * gain * corner + 0.1 * gain * share * bump + 0.25 * thin * share,
            dz=-0.3 * gain * corner,
        )
        _set(
            basis,
            f"mouthFrown{name}",
            rows,
            dx=sign * 0.06 * gain * corner,
            dy=0.55 * gain * corner - 0.12 * gain * share * bump,
        )
        _set(basis, f"mouthStretch{name}", rows, dx=sign * 0.55 * gain * corner, dy=0.14 * gain * corner)
        _set(basis, f"mouthDimple{name}", rows, dx=sign * 0.28 * gain * corner, dy=-0.06 * gain * corner)
        _set(basis, f"mouthPress{name}", rows, dy=0.5 * thin * share)
        side_bump = share * bump**0.5
        _set(basis, f"mouthLowerDown{name}", rows, dy=0.5 * gain * side_bump * lower)
        _set(basis, f"mouthUpperUp{name}", rows, dy=-0.5 * gain * side_bump * upper)
        _set(basis, f"noseSneer{name}", rows, dy=-0.22 * gain * side_bump * upper)


def _set(basis: np.ndarray, name: str, rows: slice, *, dx: Any = 0.0, dy: Any = 0.0, dz: Any = 0.0) -> None:
    block = basis[BLENDSHAPE_INDEX[name], rows]
    block[:, 0], block[:, 1], block[:, 2] = dx, dy, dz
