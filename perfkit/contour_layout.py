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
    radius = np.minimum(np.maximum(np.hypot(x / (1.04 * rig.face_width), y), 1e-3), 0.98)
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
    basis = np.zeros((NUM_WEIGHTS, NUM_CONTOUR_POINTS, 3), np.float32)
    _lay_oval(rig, rest, basis)
    closed = np.stack([_lay_eye(rig, side, rest, basis) for side in ("left", "right")])
    for side in ("left", "right"):
        _lay_brow(rig, side, rest, basis)
    _lay_nose(rig, rest, basis)
    _lay_lips(rig, rest, basis)
    reach = np.array([rig.eye_width * 0.36, rig.eye_height * 0.36])
    layout = Layout(
        rest.astype(np.float32),
        basis.reshape(NUM_WEIGHTS, -1),
        closed.astype(np.float32),
        reach.astype(np.float32),
    )
    for array in (layout.rest, layout.basis, layout.closed, layout.iris_reach):
        array.setflags(write=False)
    return layout


def _sign(side: str) -> float:
    return 1.0 if side == "left" else -1.0


_OVAL_ANGLE = np.arange(36) * (2 * np.pi / 36)
_OVAL_Y, _OVAL_SIDE = -np.cos(_OVAL_ANGLE), np.sign(np.sin(_OVAL_ANGLE))
_OVAL_SPAN = np.abs(np.sin(_OVAL_ANGLE))
_FULL_CHEEK, _NEAR_SIDE = np.exp(-(((_OVAL_Y - 0.38) / 0.3) ** 2)), np.minimum(1, 3 * _OVAL_SPAN)
_CHIN = smoothstep(0.15, 1.0, _OVAL_Y)
_CHEEK = np.exp(-(((_OVAL_Y - 0.4) / 0.4) ** 2)) * _OVAL_SIDE * np.minimum(1, 2.5 * _OVAL_SPAN)


def _lay_oval(rig: Rig, rest: np.ndarray, basis: np.ndarray) -> None:
    rows = CONTOUR_SLICES["face_oval"]
    fullness = np.where(_OVAL_Y > 0, rig.jaw, 0.92)
    x = rig.face_width * _OVAL_SIDE * _OVAL_SPAN**fullness
    x += rig.cheek * _OVAL_SIDE * _FULL_CHEEK * _NEAR_SIDE
    z = rig.depth * np.where(_OVAL_Y > 0, 0.42, 0.25) * _OVAL_Y * _OVAL_Y
    rest[rows] = np.array([x, _OVAL_Y, z]).T
    _set(basis, "jawOpen", rows, dx=-0.06 * _CHEEK * _CHIN, dy=rig.jaw_drop * _CHIN)
    for name, direction in (("jawLeft", 1.0), ("jawRight", -1.0)):
        _set(basis, name, rows, dx=direction * 0.6 * rig.mouth_gain * _CHIN)
    _set(basis, "jawForward", rows, dz=0.12 * _CHIN)
    _set(basis, "cheekPuff", rows, dx=0.1 * _CHEEK)
    _set(basis, "mouthShrugLower", rows, dy=-0.03 * _CHIN)


# An eye's 16 points: outer corner, lower lid, inner corner, upper lid. Where they lie from outer (-1) to inner (+1),
# and how high: -0.55 and 0.45 of the eye's height at the middle of the lids, whose arches lean outwards.
_LID_ALONG = -np.cos(np.pi * np.arange(1, 8) / 8)
_EYE_ALONG = np.concatenate([[-1.0], _LID_ALONG, [1.0], _LID_ALONG[::-1]])
_EYE_ARCH = np.maximum(1e-9, 1 - _EYE_ALONG**2)
_EYE_HEIGHT = np.repeat([0.0, 0.45, 0.0, -0.55], [1, 7, 1, 7])
_EYE_LEAN = 1 + np.where(_EYE_HEIGHT > 0, -0.1, 0.12) * _EYE_ALONG
_IRIS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
_PROBE = np.array([0.0, 0.03, -0.03])


def _lay_eye(rig: Rig, side: str, rest: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Fill one eye and its iris; return the line (7, 3) on which its lids meet, outer to inner."""
    sign, rows = _sign(side), CONTOUR_SLICES[f"{side}_eye"]
    shape = _EYE_ARCH ** (0.85 - 0.25 * rig.eye_roundness)
    x = sign * (rig.eye_x - 0.5 * rig.eye_width * _EYE_ALONG)
    lift = _EYE_HEIGHT * rig.eye_height * shape * _EYE_LEAN
    y = rig.eye_y + rig.eye_tilt * rig.eye_width * 0.5 * _EYE_ALONG + lift
    eye = rest[rows] = np.array([x, y, surface_z(rig, x, y)]).T
    _lay_iris(rig, side, rest, basis)
    lower, upper = eye[1:8], eye[:8:-1]
    return upper + rig.lid_close * (lower - upper)


def _lay_iris(rig: Rig, side: str, rest: np.ndarray, basis: np.ndarray) -> None:
    sign, rows = _sign(side), CONTOUR_SLICES[f"{side}_iris"]
    radius = 0.5 * rig.iris_size * min(rig.eye_height, rig.eye_width)
    x, y = sign * rig.eye_x, rig.eye_y - 0.04 * rig.eye_height
    middle, ahead, behind = surface_z(rig, x + _PROBE, np.full(3, y)).tolist()
    slope = (ahead - behind) / 0.06
    rest[rows, :2] = rim = _IRIS * (radius, radius * rig.iris_stretch) + (x, y)
    rest[rows, 2] = middle + (rim[:, 0] - x) * slope
    reach_x, reach_y = rig.eye_width * 0.34, rig.eye_height * 0.34
    for direction, across, down in (("Out", sign, 0), ("In", -sign, 0), ("Up", 0, -1), ("Down", 0, 1)):
        travel = across * reach_x
        _set(basis, f"eyeLook{direction}{side.capitalize()}", rows, dx=travel, dy=down * reach_y, dz=travel * slope)


# A brow's 10 points: the lower edge from outer to inner end, the upper edge back. How far in, and how thick, each is.
_BROW_INNER = np.concatenate([np.linspace(0.0, 1.0, 5), np.linspace(0.0, 1.0, 5)[::-1]])
_BROW_HALF = np.array([0.35, 0.85, 1.0, 1.0, 0.8, -0.8, -1.0, -1.0, -0.85, -0.35])
_BROW_BEND = 1 - (2 * _BROW_INNER - 1) ** 2


def _lay_brow(rig: Rig, side: str, rest: np.ndarray, basis: np.ndarray) -> None:
    sign, rows = _sign(side), CONTOUR_SLICES[f"{side}_brow"]
    middle_y = rig.eye_y - 0.55 * rig.eye_height - rig.brow_y
    line = middle_y + rig.brow_tilt * (_BROW_INNER - 0.5) - rig.brow_arch * _BROW_BEND
    x = sign * (rig.eye_x + rig.brow_width * (0.52 - _BROW_INNER))
    y = line + 0.5 * rig.brow_thickness * _BROW_HALF
    rest[rows] = np.array([x, y, surface_z(rig, x, y) + 0.02]).T
    gain, name = rig.brow_gain, side.capitalize()
    _set(basis, f"browDown{name}", rows, dx=-sign * 0.25 * gain * _BROW_INNER, dy=gain * (0.3 + 0.55 * _BROW_INNER))
    _set(basis, "browInnerUp", rows, dy=-gain * _BROW_INNER**1.5)
    _set(basis, f"browOuterUp{name}", rows, dy=-gain * (0.3 + 0.6 * (1 - _BROW_INNER)))
    _set(basis, f"noseSneer{name}", rows, dy=0.2 * gain * _BROW_INNER)


_BRIDGE = np.linspace(0.0, 1.0, 6)
_BASE_ACROSS, _BASE_DROP = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), np.array([-0.6, 0.1, 0.3, 0.1, -0.6])
_NEAR_ALA = {side: np.clip(_sign(side) * _BASE_ACROSS, 0, 1) for side in ("left", "right")}


def _lay_nose(rig: Rig, rest: np.ndarray, basis: np.ndarray) -> None:
    bridge, base = CONTOUR_SLICES["nose_bridge"], CONTOUR_SLICES["nose_base"]
    top = min(rig.eye_y, rig.nose_y - 0.12)
    tip = rig.nose_y - 0.22 * rig.nose_width
    x, y = np.zeros(6), top + (tip - top) * _BRIDGE
    rest[bridge] = np.array([x, y, surface_z(rig, x, y) + rig.nose_length * _BRIDGE**1.6 + _snout(rig, x, y)]).T
    x, y = 0.5 * rig.nose_width * _BASE_ACROSS, rig.nose_y + 0.12 * rig.nose_width * _BASE_DROP
    z = surface_z(rig, x, y) + rig.nose_length * (0.55 - 0.4 * _BASE_ACROSS**2) + _snout(rig, x, y)
    rest[base] = np.array([x, y, z]).T
    for side, near in _NEAR_ALA.items():
        _set(basis, f"noseSneer{side.capitalize()}", base, dx=0.02 * _BASE_ACROSS * near, dy=-0.06 * near)


def _snout(rig: Rig, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far a muzzle pushes the surface out at (x, y)."""
    middle = 0.5 * (rig.nose_y + rig.mouth_y)
    return rig.muzzle * np.exp(-((x / 0.6) ** 2) - ((y - middle) / 0.55) ** 2)


# Both rings of the lips, 20 points each: outer, then inner; lower lip from corner to corner, upper lip back.
_LIPS = slice(CONTOUR_SLICES["outer_lips"].start, CONTOUR_SLICES["inner_lips"].stop)
_LIP_STEP = np.tile(np.arange(20), 2)
_OUTER = np.arange(40) < 20
_LOWER, _UPPER = (_LIP_STEP > 0) & (_LIP_STEP < 10), _LIP_STEP > 10
_ALONG = np.where(_LIP_STEP <= 10, -np.cos(np.pi * _LIP_STEP / 10), np.cos(np.pi * (_LIP_STEP - 10) / 10))
_ARCH = 1 - _ALONG**2
_BUMP = np.maximum(0.0, _ARCH)
_LOWER_FULL = np.where(_LOWER, _BUMP**0.8, 0) * _OUTER
_UPPER_FULL = np.where(_UPPER, _BUMP**0.75 * (1 - 0.22 * np.exp(-((_ALONG / 0.22) ** 2))), 0) * _OUTER
_GAPE = _BUMP**0.55
_APART = np.where(_LOWER, 1.0, np.where(_UPPER, -1.0, 0.0)) * _BUMP**0.6
_PUCKER = np.where(_OUTER, 0.16, 0.02)
# What of the lips belongs to a side, and what to its corner.
_SIDE_SHARE = {side: smoothstep(-0.35, 0.35, _sign(side) * _ALONG) for side in ("left", "right")}
_CORNER = {side: share * np.abs(_ALONG) ** 2.2 for side, share in _SIDE_SHARE.items()}
_SIDE_BUMP = {side: share * _BUMP**0.5 for side, share in _SIDE_SHARE.items()}


def _lay_lips(rig: Rig, rest: np.ndarray, basis: np.ndarray) -> None:
    half = 0.5 * rig.mouth_width * np.where(_OUTER, 1.0, 0.94)
    lift = rig.lip_lower * _LOWER_FULL - rig.lip_upper * _UPPER_FULL
    x, y = half * _ALONG, rig.mouth_y - rig.mouth_curve * (_ALONG**2 - 0.4) + lift
    rest[_LIPS] = np.array([x, y, surface_z(rig, x, y) + 0.02 + _snout(rig, x, y)]).T
    gap = _open_jaw(rig, basis)
    _set(basis, "mouthClose", _LIPS, dy=np.where(_LOWER, -0.6, 0.4) * gap * (_LOWER | _UPPER))
    _move_lips(rig, basis)
    for side in ("left", "right"):
        _move_lip_side(rig, basis, side)


def _open_jaw(rig: Rig, basis: np.ndarray) -> np.ndarray:
    """Fill the lips' jawOpen; return the gap (40,) that it opens between them, which mouthClose takes back."""
    corner = 0.2 * rig.mouth_open
    lower_dy = corner + (0.96 * rig.mouth_open - corner) * _GAPE
    upper_dy = corner * (1 - _GAPE) - 0.04 * rig.mouth_open * _GAPE
    dy = np.where(_LOWER, lower_dy, np.where(_UPPER, upper_dy, corner))
    _set(basis, "jawOpen", _LIPS, dx=-0.07 * rig.mouth_width * _ALONG, dy=dy, dz=-0.12 * dy)
    return lower_dy - upper_dy


def _move_lips(rig: Rig, basis: np.ndarray) -> None:
    gain, half = rig.mouth_gain, 0.5 * rig.mouth_width
    _set(basis, "mouthFunnel", _LIPS, dx=-0.34 * half * _ALONG, dy=0.55 * gain * _APART, dz=0.12)
    _set(basis, "mouthPucker", _LIPS, dx=-0.48 * half * _ALONG, dy=_PUCKER * gain * _APART, dz=0.16)
    for name, direction in (("mouthLeft", 1.0), ("mouthRight", -1.0)):
        _set(basis, name, _LIPS, dx=direction * gain * (0.45 + 0.1 * _ARCH), dy=-0.1 * gain * direction * _ALONG)
    for name, direction in (("jawLeft", 1.0), ("jawRight", -1.0)):
        _set(basis, name, _LIPS, dx=direction * gain * np.where(_LOWER, 0.55, 0.25))
    _set(basis, "jawForward", _LIPS, dz=np.where(_LOWER, 0.12, 0.04))
    roll_lower, roll_upper = (np.where(_OUTER, 0.7 * lip, 0.05 * gain) for lip in (rig.lip_lower, rig.lip_upper))
    _set(basis, "mouthRollLower", _LIPS, dy=-roll_lower * (_LOWER * _ARCH))
    _set(basis, "mouthRollUpper", _LIPS, dy=roll_upper * (_UPPER * _ARCH))
    _set(basis, "mouthShrugLower", _LIPS, dy=-0.28 * gain * _ARCH * np.where(_LOWER, 1.0, 0.7))
    _set(basis, "mouthShrugUpper", _LIPS, dy=-0.25 * gain * _ARCH * np.where(_UPPER, 1.0, 0.3))
    _set(basis, "cheekPuff", _LIPS, dx=-0.1 * half * _ALONG, dz=0.05)


def _move_lip_side(rig: Rig, basis: np.ndarray, side: str) -> None:
    gain, sign, name = rig.mouth_gain, _sign(side), side.capitalize()
    share, corner, bump = _SIDE_SHARE[side], _CORNER[side], _SIDE_BUMP[side]
    thin = np.where(_LOWER, -rig.lip_lower, np.where(_UPPER, rig.lip_upper, 0.0)) * _BUMP * _OUTER
    smile_dy = -0.62 * gain * corner + 0.1 * gain * share * _BUMP + 0.25 * thin * share
    frown_dy = 0.55 * gain * corner - 0.12 * gain * share * _BUMP
    _set(basis, f"mouthSmile{name}", _LIPS, dx=sign * 0.5 * gain * corner, dy=smile_dy, dz=-0.3 * gain * corner)
    _set(basis, f"mouthFrown{name}", _LIPS, dx=sign * 0.06 * gain * corner, dy=frown_dy)
    _set(basis, f"mouthStretch{name}", _LIPS, dx=sign * 0.55 * gain * corner, dy=0.14 * gain * corner)
    _set(basis, f"mouthDimple{name}", _LIPS, dx=sign * 0.28 * gain * corner, dy=-0.06 * gain * corner)
    _set(basis, f"mouthPress{name}", _LIPS, dy=0.5 * thin * share)
    _set(basis, f"mouthLowerDown{name}", _LIPS, dy=0.5 * gain * bump * _LOWER)
    _set(basis, f"mouthUpperUp{name}", _LIPS, dy=-0.5 * gain * bump * _UPPER)
    _set(basis, f"noseSneer{name}", _LIPS, dy=-0.22 * gain * bump * _UPPER)


def _set(basis: np.ndarray, name: str, rows: slice, *, dx: Any = None, dy: Any = None, dz: Any = None) -> None:
    row = BLENDSHAPE_INDEX[name]
    for axis, move in enumerate((dx, dy, dz)):
        if move is not None:
            basis[row, rows, axis] = move
