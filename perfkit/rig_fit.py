"""A character's proportions, fitted to the control points of its drawings.

In: `RigEvidence` (points, heads whose turn is known, expressions) of a pack's drawings. Out: a `RigFit`: the rig, and
from how many drawings each part of it comes.

    calm, looking ahead       eyes, brows, nose, mouth, face, and where the head stands on the canvas; where none
                              looks ahead, those turned least
    calm, turned              depth, muzzle, how far the nose stands out
    told, points placed       how far mouth and brows travel, where lids meet; else by the size of the mouth

Each is a least-squares fit of the rig's own contours, posed as the drawings are; every field is held to the average
adult's as loosely as drawn characters differ in it, so that what no drawing shows stays usual. Points that lie far off
count less (Huber): the reader errs, and hair covers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from perfkit.coverage.bins import find_faces
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.rig import face_points, present_rows, rotation_from_head
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

AHEAD_DEG = 15.0
_MOST_TURN_DEG, _SAME_TURN_DEG = 50.0, 5.0
_LEAST_CALM = 3
"""Fewer calm drawings are joined by those whose face is told: one misread mouth is not the character's."""

_TURNED_DEG = 75.0
_MOST_DRAWINGS = 16
_ROUNDS, _NUM_PLACES, _SETTLED = 12, 4, 2e-3
_RESIDUE = 0.04
"""How far a point lies off for reasons of the drawer's hand and the reader, head units."""

_REST_SPREADS = {
    "face_width": 0.2, "jaw": 0.3, "cheek": 0.1, "eye_x": 0.12, "eye_y": 0.2, "eye_width": 0.2, "eye_height": 0.25,
    "eye_tilt": 0.1, "eye_roundness": 0.4, "iris_size": 0.25, "brow_y": 0.15, "brow_width": 0.15,
    "brow_thickness": 0.06, "brow_tilt": 0.1, "brow_arch": 0.06, "nose_y": 0.2, "nose_width": 0.15, "mouth_y": 0.2,
    "mouth_width": 0.25, "lip_upper": 0.04, "lip_lower": 0.05, "mouth_curve": 0.08,
}  # fmt: skip
_DEPTH_SPREADS = {"depth": 0.2, "nose_length": 0.15, "muzzle": 0.15}
_TRAVEL_SPREADS = {"mouth_open": 0.3, "mouth_gain": 0.12, "brow_gain": 0.1, "lid_close": 0.15, "jaw_drop": 0.15}
"""Field -> how far drawn characters differ in it."""

_LIMITS = {
    "face_width": (0.4, 1.6), "jaw": (0.5, 1.8), "cheek": (-0.2, 0.5), "depth": (0.3, 1.5), "eye_x": (0.0, 0.8),
    "eye_y": (-0.6, 0.6), "eye_width": (0.06, 1.0), "eye_height": (0.04, 1.2), "eye_tilt": (-0.4, 0.4),
    "eye_roundness": (0.0, 2.0), "iris_size": (0.2, 1.2), "brow_y": (-0.1, 0.7), "brow_width": (0.1, 1.0),
    "brow_thickness": (0.01, 0.25), "brow_tilt": (-0.4, 0.4), "brow_arch": (-0.1, 0.3), "nose_y": (-0.2, 0.8),
    "nose_width": (0.04, 0.9), "nose_length": (-0.1, 0.9), "mouth_y": (0.0, 0.95), "mouth_width": (0.06, 1.4),
    "lip_upper": (0.005, 0.25), "lip_lower": (0.005, 0.3), "mouth_curve": (-0.3, 0.3), "muzzle": (0.0, 0.8),
    "mouth_open": (0.1, 1.0), "mouth_gain": (0.05, 0.6), "brow_gain": (0.05, 0.5), "lid_close": (0.0, 1.0),
    "jaw_drop": (0.0, 0.7),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class RigEvidence:
    """What is known of N drawings of one character.

    Attributes:
        points: (N, K, 2) px of the canvas.
        visibility: (N, K) in 0..1.
        heads: (N, 6), columns as `vocabulary.HEAD_CHANNELS`; the turn is believed, place and size are fitted anew.
        weights: (N, 52), what the faces do, as told or read.
        is_told: (N,) bool: whether somebody said what the face does.
        is_exact: (N,) bool: whether the points were placed, not read by the landmark network, which reads the extremes
            of a stranger's face too tame.
        has_turn: (N,) bool: whether the turn is known.
    """

    points: np.ndarray
    visibility: np.ndarray
    heads: np.ndarray
    weights: np.ndarray
    is_told: np.ndarray
    is_exact: np.ndarray
    has_turn: np.ndarray


@dataclass(frozen=True)
class RigFit:
    """A fitted rig.

    Attributes:
        rig: It.
        num_ahead: To how many drawings that look ahead, or are turned least, it was fitted; 0: it is no fit.
        num_turned: To how many turned ones; 0: depth is the average adult's.
        num_told: To how many of a told expression; 0: travel goes by the size of the mouth.
        error: Mean way from its points to those of the first, in eye distances; NaN where there are none.
    """

    rig: Rig
    num_ahead: int
    num_turned: int
    num_told: int
    error: float


NO_FIT = RigFit(HUMAN_RIG, 0, 0, 0, float("nan"))


def fit_rig(evidence: RigEvidence, *, canvas_wh: tuple[int, int], kept: Rig = HUMAN_RIG) -> RigFit:
    """Fit a rig; what no drawing shows of the face is the average adult's.

    Args:
        evidence: Of the drawings.
        canvas_wh: The pack's canvas, px.
        kept: Whose absent parts, bones and channels are kept.

    Returns:
        The fit; of no drawings that are of use, `kept` itself.
    """
    start = _change(kept, {name: getattr(HUMAN_RIG, name) for name in _LIMITS})
    angles = np.abs(evidence.heads[:, :2])
    calm = np.array([find_faces(_named(row)) == ("calm",) for row in evidence.weights], dtype=bool)
    seen = evidence.has_turn & (evidence.visibility.sum(axis=1) >= 12)
    turn = angles.max(axis=1)
    if not (seen & (turn < _MOST_TURN_DEG)).any():
        return replace(NO_FIT, rig=kept)
    is_ahead = seen & (turn < max(AHEAD_DEG, float(turn[seen].min()) + _SAME_TURN_DEG))
    plain = is_ahead & (calm if (is_ahead & calm).sum() >= _LEAST_CALM else calm | evidence.is_told)
    ahead = _pick(plain if plain.any() else is_ahead)
    turned = _pick(seen & calm & ~is_ahead & (angles[:, 0] < _TURNED_DEG) & (angles[:, 0] >= AHEAD_DEG))
    told = _pick(seen & ~calm & evidence.is_told & evidence.is_exact & (angles[:, 0] < 2 * AHEAD_DEG))
    at_rest = replace(evidence, weights=np.where(evidence.is_told[:, None], evidence.weights, 0.0))
    rig, places = _fit_fields(start, at_rest, ahead, _REST_SPREADS)
    if len(turned):
        fields = {**_REST_SPREADS, **_DEPTH_SPREADS}
        rig, both = _fit_fields(rig, at_rest, np.concatenate([ahead, turned]), fields, usual=start)
        places = both[: len(ahead)]
    rig = _suit_travel(rig)
    if len(told):
        rig, _ = _fit_fields(rig, evidence, told, _TRAVEL_SPREADS)
    error = _measure_error(rig, at_rest, ahead, places)
    return RigFit(_frame(rig, places, canvas_wh), len(ahead), len(turned), len(told), error)


def _suit_travel(rig: Rig) -> Rig:
    """Let the mouth travel as its width goes with the average adult's, and no farther than the chin leaves room."""
    share = rig.mouth_width / HUMAN_RIG.mouth_width
    opening = min(HUMAN_RIG.mouth_open * share, 1.2 * (1.0 - rig.mouth_y))
    travel = {"mouth_open": opening, "mouth_gain": HUMAN_RIG.mouth_gain * share**0.5}
    travel["jaw_drop"] = HUMAN_RIG.jaw_drop * opening / HUMAN_RIG.mouth_open
    return _change(rig, {name: float(np.clip(value, *_LIMITS[name])) for name, value in travel.items()})


def _named(weights: np.ndarray) -> dict[str, float]:
    return {name: float(weight) for name, weight in zip(BLENDSHAPES, weights, strict=True) if weight > 0}


def _pick(is_one: np.ndarray) -> np.ndarray:
    """Return indices of at most `_MOST_DRAWINGS`, evenly over those that are."""
    rows = np.flatnonzero(is_one)
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_DRAWINGS)).round().astype(int))]


def _frame(rig: Rig, places: np.ndarray, canvas_wh: tuple[int, int]) -> Rig:
    """Let the head rest where the drawings that look ahead have it; places (A, 4): x, y, size, roll."""
    x, y, size = np.median(places[:, :3], axis=0)
    width, height = canvas_wh
    return _round(replace(rig, head_x=x / width, head_y=y / height, head_scale=size / min(width, height)))


def _round(rig: Rig) -> Rig:
    fields = (*_LIMITS, "head_x", "head_y", "head_scale")
    return _change(rig, {name: round(float(getattr(rig, name)), 4) for name in fields})


def _fit_fields(
    rig: Rig, evidence: RigEvidence, rows: np.ndarray, spreads: dict[str, float], *, usual: Rig | None = None
) -> tuple[Rig, np.ndarray]:
    """Fit some fields to some drawings by Gauss-Newton steps; return the rig and the drawings' places (A, 4).

    Args:
        rig: Where to begin.
        evidence: Of all drawings.
        rows: Which of them count.
        spreads: Field -> how loosely it is held.
        usual: To whose fields they are held; None: to those of `rig`.
    """
    names, held = list(spreads), usual or rig
    scale = np.array([spreads[name] for name in names])
    home = np.array([getattr(held, name) for name in names])
    trust = np.repeat(_ROW_TRUST * evidence.visibility[rows] * present_rows(rig), 2, axis=1)
    places = _place_heads(rig, evidence, rows)
    for _ in range(_ROUNDS):
        values = np.array([getattr(rig, name) for name in names])
        posed = _pose(rig, evidence, rows)
        moved = [_pose(_change(rig, {name: _nudged(rig, name)}), evidence, rows) for name in names]
        nudges = [_nudged(rig, name) - value for name, value in zip(names, values, strict=True)]
        slopes = np.stack([(each - posed) / nudge for each, nudge in zip(moved, nudges, strict=True)])
        flat, slopes = _to_canvas(posed, slopes, places)
        residue = (evidence.points[rows] - flat).reshape(len(rows), -1) / places[:, 2:3]
        weights = trust * _huber(residue) / _RESIDUE**2
        jacobian = _gather_columns(slopes * scale[:, None, None, None], flat, places)
        weighted = jacobian * weights[:, None]
        hessian = np.einsum("nik,njk->ij", weighted, jacobian, optimize=True)
        pull = np.einsum("nik,nk->i", weighted, residue, optimize=True)
        num = len(names)
        hessian[range(num), range(num)] += 1.0
        pull[:num] += (home - values) / scale
        hessian[range(num, len(hessian)), range(num, len(hessian))] += 1e-6
        step = np.linalg.solve(hessian, pull)
        values = values + scale * step[:num]
        clipped = {name: float(np.clip(value, *_LIMITS[name])) for name, value in zip(names, values, strict=True)}
        rig = _change(rig, clipped)
        places = _move_places(places, step[num:].reshape(len(rows), _NUM_PLACES))
        if np.abs(step).max() < _SETTLED:
            break
    return rig, places


def _change(rig: Rig, values: Mapping[str, float]) -> Rig:
    fields: dict[str, Any] = dict(values)
    return replace(rig, **fields)


def _nudged(rig: Rig, name: str) -> float:
    """Return a field's value a little inside its limits from where it is."""
    value, (_, high) = float(getattr(rig, name)), _LIMITS[name]
    return value + (1e-3 if value + 1e-3 <= high else -1e-3)


def _pose(rig: Rig, evidence: RigEvidence, rows: np.ndarray) -> np.ndarray:
    """Return the rig's contours in the drawings' turn and expression, roll and place apart, (A, K, 2) head units."""
    heads = evidence.heads[rows].astype(np.float64) * (1, 1, 0, 0, 0, 0)
    shaped = face_points(rig, evidence.weights[rows]).astype(np.float64)
    return np.einsum("nij,nkj->nki", rotation_from_head(heads)[:, :2], shaped)


def _place_heads(rig: Rig, evidence: RigEvidence, rows: np.ndarray) -> np.ndarray:
    """Return (A, 4): x, y, size px and roll in radians that lay the rig's contours onto the points best."""
    posed, points = _pose(rig, evidence, rows), evidence.points[rows].astype(np.float64)
    places = []
    for shape, seen, visibility in zip(posed, points, evidence.visibility[rows], strict=True):
        trust = _ROW_TRUST * visibility * present_rows(rig) + 1e-9
        trust = trust / trust.sum()
        middle, place = trust @ shape, trust @ seen
        a, b = shape - middle, seen - place
        power = trust @ (a * a).sum(axis=1)
        real = trust @ (a * b).sum(axis=1) / power
        turn = trust @ (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / power
        size, roll = float(np.hypot(real, turn)), float(np.arctan2(turn, real))
        places.append((*(place - _turn(roll) @ middle * size), size, roll))
    return np.array(places)


def _turn(roll: float) -> np.ndarray:
    return np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])


def _to_canvas(posed: np.ndarray, slopes: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return contours (A, K, 2) in px, and their slopes (F, A, K, 2) in head units, turned by each drawing's roll."""
    turns = np.stack([_turn(roll) for roll in places[:, 3]])
    flat = np.einsum("nij,nkj->nki", turns, posed) * places[:, None, 2:3] + places[:, None, :2]
    return flat, np.einsum("nij,fnkj->fnki", turns, slopes)


def _gather_columns(slopes: np.ndarray, flat: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return (A, F + 4 A, 2 K): how the residue of each drawing moves with the fields and with every place."""
    num_fields, num, num_points = slopes.shape[:3]
    columns = np.zeros((num, num_fields + _NUM_PLACES * num, num_points, 2))
    columns[:, :num_fields] = np.swapaxes(slopes, 0, 1)
    offset = (flat - places[:, None, :2]) / places[:, None, 2:3]
    for row in range(num):
        start = num_fields + _NUM_PLACES * row
        columns[row, start, :, 0] = columns[row, start + 1, :, 1] = 1.0
        columns[row, start + 2] = offset[row]
        columns[row, start + 3] = offset[row] @ np.array([[0, 1], [-1, 0]])
    return columns.reshape(num, columns.shape[1], -1)


def _move_places(places: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Move places by steps in head units, a share of the size, and radians."""
    moved = places.copy()
    moved[:, :2] += steps[:, :2] * places[:, 2:3]
    moved[:, 2] *= np.exp(np.clip(steps[:, 2], -0.3, 0.3))
    moved[:, 3] += np.clip(steps[:, 3], -0.3, 0.3)
    return moved


def _huber(residue: np.ndarray) -> np.ndarray:
    """Return how much each residue counts: fully up to twice the usual, then ever less."""
    return np.minimum(1.0, 2 * _RESIDUE / np.maximum(np.abs(residue), 1e-9))


def _measure_error(rig: Rig, evidence: RigEvidence, rows: np.ndarray, places: np.ndarray) -> float:
    flat, _ = _to_canvas(_pose(rig, evidence, rows), np.zeros((0, len(rows), NUM_CONTOUR_POINTS, 2)), places)
    way = np.linalg.norm(evidence.points[rows] - flat, axis=-1) / (2 * max(rig.eye_x, 0.2) * places[:, 2:3])
    counted = (evidence.visibility[rows] >= 0.5) & present_rows(rig)
    return float(way[counted].mean()) if counted.any() else float("nan")


def _row_trust() -> np.ndarray:
    """Return (K,): how much each contour point says; each contour about as much as another, whatever its points."""
    trust = np.ones(NUM_CONTOUR_POINTS)
    shares: Sequence[tuple[str, float]] = (
        ("face_oval", 0.4), ("left_iris", 0.8), ("right_iris", 0.8), ("outer_lips", 0.8), ("inner_lips", 0.5),
    )  # fmt: skip
    for name, share in shares:
        trust[CONTOUR_SLICES[name]] = share
    return trust


_ROW_TRUST = _row_trust()
