"""Reading drawn faces off their control points: how the heads are turned, how large and where, and what the faces do.

In: contour points (N, K, 2) px with visibility, from whoever found them. Out: head channels (N, 6), weights (N, 52).

    points --similarity--> upright, in head units --for every turn: proportions fitted--> the turn that explains them
    lids, lips, brows, mouth corners against the same character's usual ones --> the weights that coverage asks about

Drawn faces have no common proportions, so the fit gives and takes with those that a rig knows (wide eyes, a low mouth,
a snout), each as far as characters differ in it. Nothing here knows the character: a rig of its own would read better.
"""

import warnings
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from perfkit.measures import brow_heights, lip_gap, mouth_width
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.rig import face_points, pose_face, rest_points, rotation_from_head
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

_STEP_DEG = 10.0
_YAWS_DEG, _PITCHES_DEG = np.arange(-90.0, 91.0, _STEP_DEG), np.arange(-40.0, 41.0, _STEP_DEG)
_SPREADS = {
    "face_width": 0.15, "jaw": 0.3, "cheek": 0.1, "depth": 0.15, "eye_x": 0.08, "eye_y": 0.15, "eye_width": 0.12,
    "eye_height": 0.15, "brow_y": 0.1, "nose_y": 0.12, "nose_length": 0.1, "mouth_y": 0.12, "mouth_width": 0.12,
    "muzzle": 0.15,
}  # fmt: skip
"""Field of a rig -> how far drawn characters differ in it, head units."""

_RESIDUE = 0.05
"""How far a point lies off for reasons of expression and of the drawer's hand, head units."""
_VISIBILITY_RESIDUE = 0.7
_LEAST_VISIBLE = 12.0
_NUM_PLACES = 4


LEAST_CONFIDENCE = 0.5
"""Of a reader, from which it is believed to have seen a face."""


GROUND_RGB = (223, 230, 234)
"""What drawings are laid over to be read."""


class Readings(Protocol):
    """What a reader found in N pictures.

    Attributes:
        points: (N, K, 2) float32 px, rows as `vocabulary.CONTOURS`.
        visibility: (N, K) float32 in 0..1.
        confidence: (N,) float32 in 0..1, near 0 where no face was seen.
    """

    @property
    def points(self) -> np.ndarray: ...

    @property
    def visibility(self) -> np.ndarray: ...

    @property
    def confidence(self) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class StillReadings:
    """`Readings` of a reader that has no type of its own for them."""

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class LandmarkReader(Protocol):
    """Finds the control points of drawn faces, as the cartoon landmark network does."""

    def predict(self, images_rgb: np.ndarray) -> Readings:
        """Return what is found in pictures (N, H, W, 3) uint8, one face each."""
        ...


def _row_trust() -> np.ndarray:
    """Return (K,): how much each contour point says of the head's turn; what expression moves says little."""
    trust = np.zeros(NUM_CONTOUR_POINTS)
    trust[CONTOUR_SLICES["face_oval"]] = 0.4
    for name in ("left_eye", "right_eye"):
        trust[CONTOUR_SLICES[name]] = 0.4
        trust[CONTOUR_SLICES[name].start + np.array([0, 8])] = 1.0
    trust[CONTOUR_SLICES["nose_bridge"]] = trust[CONTOUR_SLICES["nose_base"]] = 0.8
    for name in ("left_brow", "right_brow"):
        trust[CONTOUR_SLICES[name]] = 0.15
    trust[CONTOUR_SLICES["outer_lips"].start + np.array([0, 10])] = 0.5
    return trust


_ROW_TRUST = _row_trust()


def estimate_heads(points: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """Estimate turn, place and size of drawn heads.

    Args:
        points: (N, K, 2), px, rows as `vocabulary.CONTOURS`.
        visibility: (N, K) in 0..1.

    Returns:
        (N, 6) float32, columns as `vocabulary.HEAD_CHANNELS`; NaN where too little of a face is seen.
    """
    heads = [_estimate_head(*face) for face in zip(points, visibility, strict=True)]
    return np.array(heads, dtype=np.float32).reshape(-1, 6)


def estimate_visibility(points: np.ndarray) -> np.ndarray:
    """Return (N, K) in 0..1: what an average head shows that is turned as the points (N, K, 2) say."""
    if not len(points):
        return np.zeros(points.shape[:2], np.float32)
    heads = np.nan_to_num(estimate_heads(points, np.ones(points.shape[:2])))
    _, visibility = pose_face(np.broadcast_to(rest_points(HUMAN_RIG), (len(points), NUM_CONTOUR_POINTS, 3)), heads)
    return visibility


def fit_place(
    points: np.ndarray, visibility: np.ndarray, angle_deg: tuple[float, float, float], *, rig: Rig = HUMAN_RIG
) -> np.ndarray:
    """Find place and size of a head whose turn is known, from points (K, 2) px of a face with a rig's proportions.

    Returns:
        (6,) float32, columns as `vocabulary.HEAD_CHANNELS`, the angles as given.
    """
    shape = rest_points(rig) @ rotation_from_head(np.array([*angle_deg, 0, 0, 1])).T
    trust = _ROW_TRUST * visibility + 1e-6
    weights = trust / trust.sum()
    flat = shape[:, :2]
    middle, place = weights @ flat, weights @ points
    size = float((weights * ((points - place) * (flat - middle)).sum(-1)).sum())
    scale = max(size / float((weights * ((flat - middle) ** 2).sum(-1)).sum()), 1e-3)
    return np.array([*angle_deg, *(place - scale * middle), scale], dtype=np.float32)


def _estimate_head(points: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    trust = _ROW_TRUST * visibility
    if visibility.sum() < _LEAST_VISIBLE or (trust > 0.05).sum() < 8:
        return np.full(6, np.nan)
    shapes, motions, seen = _turned_shapes()
    turned, similarity = _fit_similarity(points.astype(np.float64), shapes, trust)
    costs = _fit_proportions(turned - shapes, shapes, motions, trust)
    costs = costs + ((seen - visibility) ** 2).sum(axis=-1) / _VISIBILITY_RESIDUE**2
    grid = costs.reshape(len(_YAWS_DEG), len(_PITCHES_DEG))
    best = int(costs.argmin())
    row, column = np.unravel_index(best, grid.shape)
    yaw_deg = _YAWS_DEG[row] + _STEP_DEG * _find_low(grid[:, column], int(row))
    pitch_deg = _PITCHES_DEG[column] + _STEP_DEG * _find_low(grid[row], int(column))
    a, b = similarity[best, :2]
    angle_deg = (float(yaw_deg), float(pitch_deg), float(np.rad2deg(np.arctan2(b, a))))
    return fit_place(points, visibility, angle_deg)


def _find_low(costs: np.ndarray, index: int) -> float:
    """Return where between its neighbours a cost is lowest, -0.5 .. 0.5 of a step: a parabola through three."""
    if index in (0, len(costs) - 1):
        return 0.0
    before, here, after = costs[index - 1 : index + 2]
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend > 0 else 0.0


@lru_cache(maxsize=1)
def _turned_shapes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each turn of the grid: shape (G, K, 2), its proportions' motions (G, P, K, 2), visibility (G, K)."""
    angles = np.array([(yaw, pitch, 0, 0, 0, 1) for yaw in _YAWS_DEG for pitch in _PITCHES_DEG])
    rest = rest_points(HUMAN_RIG).astype(np.float64)
    known = {field.name for field in fields(HUMAN_RIG)}
    assert set(_SPREADS) <= known
    moved = [
        rest_points(replace(HUMAN_RIG, **{name: getattr(HUMAN_RIG, name) + spread})) - rest
        for name, spread in _SPREADS.items()
    ]
    rotations = rotation_from_head(angles)[:, :2]
    shapes = np.einsum("gij,kj->gki", rotations, rest)
    motions = np.einsum("gij,pkj->gpki", rotations, np.array(moved, dtype=np.float64))
    _, seen = pose_face(np.broadcast_to(rest, (len(angles), *rest.shape)), angles)
    return shapes, motions, seen.astype(np.float64)


def _fit_similarity(points: np.ndarray, shapes: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay points onto every shape.

    Returns:
        The points in each shape's units (G, K, 2), and (G, 4): a, b, x, y of the similarity from shape to points.
    """
    weights = trust / trust.sum()
    place, middles = weights @ points, np.einsum("k,gki->gi", weights, shapes)
    from_middle, offset = shapes - middles[:, None], points - place
    power = np.einsum("k,gki,gki->g", weights, from_middle, from_middle)
    a = np.einsum("k,ki,gki->g", weights, offset, from_middle) / power
    b = np.einsum("k,gk->g", weights, from_middle[..., 0] * offset[:, 1] - from_middle[..., 1] * offset[:, 0]) / power
    size = a * a + b * b
    x, y = offset[:, 0], offset[:, 1]
    back = np.stack([np.outer(a, x) + np.outer(b, y), np.outer(a, y) - np.outer(b, x)], axis=-1) / size[:, None, None]
    return back + middles[:, None], np.column_stack([a, b, np.tile(place, (len(a), 1))])


def _fit_proportions(residue: np.ndarray, shapes: np.ndarray, motions: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Return (G,): how badly each turn explains the points after the best proportions for it, and how odd these are."""
    num_turns, num_motions = motions.shape[:2]
    turn = np.stack([-shapes[..., 1], shapes[..., 0]], axis=-1)
    shifts = np.broadcast_to(np.eye(2)[:, None], (num_turns, 2, *shapes.shape[1:]))
    free = np.concatenate([motions, shapes[:, None], turn[:, None], shifts], axis=1)
    free = free.reshape(num_turns, num_motions + _NUM_PLACES, -1)
    weights = np.repeat(trust, 2) / _RESIDUE**2
    flat = residue.reshape(num_turns, -1)
    hessian = np.einsum("gik,k,gjk->gij", free, weights, free, optimize=True)
    hessian[:, range(num_motions), range(num_motions)] += 1.0
    hessian[:, range(num_motions, num_motions + _NUM_PLACES), range(num_motions, num_motions + _NUM_PLACES)] += 1e-6
    pull = np.einsum("gik,k,gk->gi", free, weights, flat, optimize=True)
    found = np.linalg.solve(hessian, pull[..., None])[..., 0]
    return np.einsum("gk,k,gk->g", flat, weights, flat) - (pull * found).sum(axis=-1)


def estimate_weights(points: np.ndarray, visibility: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Estimate what the faces of one character do: lids, lips, mouth corners and brows, no more.

    Args:
        points: (N, K, 2), px.
        visibility: (N, K) in 0..1; of parts that the character lacks 0.
        heads: (N, 6), columns as `vocabulary.HEAD_CHANNELS`, without NaN.

    Returns:
        (N, 52) float32 in 0..1, both sides alike but for a wink.
    """
    upright = _stand_upright(points.astype(np.float64), heads)
    weights = np.zeros((len(points), len(BLENDSHAPES)), dtype=np.float32)
    foreshortened = np.maximum(np.cos(np.deg2rad(heads[:, 0])), 0.3)
    width = _keep_seen(mouth_width(upright) / foreshortened, _is_seen(visibility, "outer_lips"))
    is_mouth_seen = np.isfinite(width)
    usual_width = float(np.median(width[is_mouth_seen])) if is_mouth_seen.any() else mouth_width(_HUMAN_REST)
    size = usual_width / float(mouth_width(_HUMAN_REST))
    _set(weights, ("jawOpen",), np.where(is_mouth_seen, lip_gap(upright) / (size * _GAIN["jawOpen"]), 0.0))
    if is_mouth_seen.sum() >= _LEAST_FACES:
        lift = np.where(is_mouth_seen, _measure_corner_lift(upright), np.nan)
        excess = (lift - np.nanmedian(lift)) / size
        _set(weights, ("mouthSmileLeft", "mouthSmileRight"), excess / _GAIN["mouthSmile"])
        _set(weights, ("mouthFrownLeft", "mouthFrownRight"), excess / _GAIN["mouthFrown"])
        _set(weights, ("mouthPucker",), (width - usual_width) / size / _GAIN["mouthPucker"])
    _set_eyes_and_brows(weights, upright, visibility)
    return weights


def _set_eyes_and_brows(weights: np.ndarray, upright: np.ndarray, visibility: np.ndarray) -> None:
    opened = np.full((len(upright), 2), np.nan)
    raised = brow_heights(upright).astype(np.float64)
    for column, side in enumerate(("left", "right")):
        is_eye_seen = _is_seen(visibility, f"{side}_eye")
        opened[:, column] = _keep_seen(_measure_lids(upright, side), is_eye_seen)
        raised[:, column] = _keep_seen(raised[:, column], is_eye_seen & _is_seen(visibility, f"{side}_brow"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        usual = np.nanquantile(opened, 0.7, axis=0) if len(opened) else np.full(2, np.nan)
        share = opened / usual
        share = np.where(np.isfinite(share), share, np.nanmean(share, axis=1, keepdims=True))
        brows = np.nanmean(raised, axis=1)
        brows = brows - np.nanmedian(brows)
    for column, side in enumerate(("Left", "Right")):
        _set(weights, (f"eyeBlink{side}",), 1.0 - share[:, column])
    if np.isfinite(brows).sum() >= _LEAST_FACES:
        _set(weights, ("browOuterUpLeft", "browOuterUpRight", "browInnerUp"), brows / _GAIN["browOuterUp"])
        _set(weights, ("browDownLeft", "browDownRight"), brows / _GAIN["browDown"])


def _set(weights: np.ndarray, names: tuple[str, ...], values: np.ndarray) -> None:
    """Write values, clipped to 0..1; what is not known is 0."""
    for name in names:
        weights[:, BLENDSHAPE_INDEX[name]] = np.clip(np.nan_to_num(values), 0.0, 1.0)


def _stand_upright(points: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Return points about the head's middle, roll undone, in head units."""
    roll = np.deg2rad(heads[:, 2])
    cosine, sine = np.cos(roll)[:, None], np.sin(roll)[:, None]
    offset = (points - heads[:, None, 3:5]) / heads[:, None, 5:6]
    x, y = offset[..., 0], offset[..., 1]
    return np.stack([cosine * x + sine * y, cosine * y - sine * x], axis=-1)


def _is_seen(visibility: np.ndarray, name: str) -> np.ndarray:
    """Return (N,) bool: whether most of a contour is seen."""
    return visibility[:, CONTOUR_SLICES[name]].mean(axis=1) > 0.4


def _keep_seen(values: np.ndarray, is_seen: np.ndarray) -> np.ndarray:
    return np.where(is_seen, values, np.nan)


def _measure_lids(upright: np.ndarray, side: str) -> np.ndarray:
    start = CONTOUR_SLICES[f"{side}_eye"].start
    lower, upper = upright[..., start + 2 : start + 7, 1], upright[..., start + 10 : start + 15, 1]
    return lower.mean(axis=-1) - upper.mean(axis=-1)


def _measure_corner_lift(upright: np.ndarray) -> np.ndarray:
    """Return how high the mouth's corners stand above the middle between its lips."""
    start = CONTOUR_SLICES["outer_lips"].start
    corners = upright[..., [start, start + 10], 1].mean(axis=-1)
    return upright[..., [start + 5, start + 15], 1].mean(axis=-1) - corners


def _gains() -> dict[str, float]:
    """Return what a full weight changes on the average adult, head units."""
    measured = {
        "jawOpen": lip_gap, "mouthSmile": _measure_corner_lift, "mouthFrown": _measure_corner_lift,
        "mouthPucker": mouth_width, "browDown": lambda face: brow_heights(face)[..., 0],
        "browOuterUp": lambda face: brow_heights(face)[..., 0],
    }  # fmt: skip
    gains = {}
    for name, measure in measured.items():
        row = np.zeros(len(BLENDSHAPES), dtype=np.float32)
        for full_name in BLENDSHAPES:
            row[BLENDSHAPE_INDEX[full_name]] = full_name in (name, f"{name}Left", f"{name}Right")
        if name == "browOuterUp":
            row[BLENDSHAPE_INDEX["browInnerUp"]] = 1.0
        gains[name] = float(measure(face_points(HUMAN_RIG, row)) - measure(_HUMAN_REST))
    return gains


_LEAST_FACES = 4
_HUMAN_REST = rest_points(HUMAN_RIG)
_GAIN = _gains()
