"""From a performer's face to the 52 calibrated weights, the only channel between performer and character.

In: head-space contour points and the tracker's blendshapes of seen frames, and the performer's Calibration.
Out: weights (S, 52) in 0..1. The tracker's blendshapes, minus the performer's rest and scaled to their range, are a
first guess; the contours correct it (a bounded least-squares fit of how the average adult's contours would move); lids,
lips and gaze are then set from direct measurements, so that shut is shut.
"""

import numpy as np

from perfkit.calibration_file import Calibration
from perfkit.geometry import smoothstep
from perfkit.headspace import RIGID_WEIGHTS, HeadMotion
from perfkit.measures import HUMAN_BASIS, brow_heights, eye_apertures, lip_gap, mouth_width, region_ratios
from perfkit.proportions import HUMAN_RIG
from perfkit.rig import face_points, rest_points
from perfkit.rows import iterate_parts
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

_SHUT_BELOW, _SLIT_FROM = 0.1, 0.3
"""Lid opening, as a share of the open eye, below which an eye is shut, and from which it is as open as it looks."""
_LIP_NOISE, _LIPS_APART = 0.012, 0.04
"""Lip gap in head units up to which lips are shut, and from which they are as far apart as they look."""
_PARTED = 0.06
"""Lip gap in head units from which lips are surely open."""
_WINK_FROM, _WINK_SURE = 0.3, 0.6
"""Difference of lids, in outline and in the tracker's blinks, from which it may be a wink, and is one."""
_NEWTON_STEPS, _CONVERGED = 20, 1e-7
_RESIDUE_STIFFNESS = 1e-3

_HOLD = {
    "browDown": 0.3, "browInnerUp": 0.25, "browOuterUp": 0.3, "jawOpen": 0.4, "jawLeft": 2.0, "jawRight": 2.0,
    "mouthSmile": 0.1, "mouthFrown": 1.0, "mouthPucker": 0.7, "mouthFunnel": 1.0, "mouthStretch": 0.2,
    "mouthUpperUp": 0.5, "mouthLowerDown": 0.5, "mouthLeft": 1.0, "mouthRight": 1.0, "mouthClose": 2.0,
    "mouthPress": 3.0, "mouthRoll": 3.0, "mouthShrug": 1.0, "mouthDimple": 3.0,
}  # fmt: skip
"""How firmly a fitted weight (by its start) is held to the tracker's value: 1 = as firmly as to the contours."""


def _row_trust() -> np.ndarray:
    """Return (K,): how much each contour point counts in the fit; lids and irises are measured apart."""
    trust = np.zeros(NUM_CONTOUR_POINTS)
    trust[CONTOUR_SLICES["outer_lips"]] = trust[CONTOUR_SLICES["inner_lips"]] = 1.0
    trust[CONTOUR_SLICES["left_brow"]] = trust[CONTOUR_SLICES["right_brow"]] = 1.0
    trust[CONTOUR_SLICES["nose_base"]] = 0.7
    oval = CONTOUR_SLICES["face_oval"]
    trust[oval.start + 12 : oval.start + 25] = 0.3
    return trust + RIGID_WEIGHTS


def _residue_motions() -> np.ndarray:
    """Return (9, 2 K): x and y of all points moved along with their own x, y, z and as a whole; the mouth slid up."""
    rest = rest_points(HUMAN_RIG).astype(np.float64)
    motions = np.zeros((9, NUM_CONTOUR_POINTS, 2))
    for axis in range(2):
        motions[4 * axis : 4 * axis + 3, :, axis], motions[4 * axis + 3, :, axis] = rest.T, 1.0
    for name in ("outer_lips", "inner_lips"):
        motions[8, CONTOUR_SLICES[name], 1] = 1.0
    return motions.reshape(9, -1)


_COLUMN = BLENDSHAPE_INDEX
_ROW_TRUST = _row_trust()
_RESIDUE = _residue_motions()
_FITTED = np.array([index for index, name in enumerate(BLENDSHAPES) if name.startswith(tuple(_HOLD))])
_FITTED_BASIS = HUMAN_BASIS[_FITTED][..., :2].reshape(len(_FITTED), -1)
_STIFFNESS = (_FITTED_BASIS**2 @ np.repeat(_ROW_TRUST, 2)) * np.array(
    [next(hold for start, hold in _HOLD.items() if BLENDSHAPES[index].startswith(start)) for index in _FITTED]
)
_BROW_HEIGHTS = brow_heights(HUMAN_BASIS.astype(np.float64))
"""(52, 2): how high each weight lifts the left and the right brow over its eye, head units."""
_BROW_TRAVEL = float(_BROW_HEIGHTS[_COLUMN["browOuterUpLeft"], 0])
_GAP_OF_JAW = float(lip_gap(HUMAN_BASIS[_COLUMN["jawOpen"]]))
_GAP_OF_PARTING = sum(
    float(lip_gap(HUMAN_BASIS[_COLUMN[f"mouth{part}{side}"]]))
    for part in ("LowerDown", "UpperUp")
    for side in ("Left", "Right")
)


def fit_weights(motion: HeadMotion, blendshapes: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Express seen frames in the 52 weights.

    Args:
        motion: S seen frames, fitted with the calibration's neutral face.
        blendshapes: (S, 52) of the same frames, as the tracker gave them.
        calibration: The performer at rest.

    Returns:
        (S, 52) float64 in 0..1.
    """
    weights = np.empty((len(motion.frames), len(BLENDSHAPES)))
    for part in iterate_parts(len(weights)):
        face = motion.points(part), motion.rotation[part]
        weights[part] = _fit_part(face, blendshapes[part].astype(np.float64), calibration)
    return weights


def _fit_part(face: tuple[np.ndarray, np.ndarray], blendshapes: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Do `fit_weights` for some frames: points (S, K, 3) and rotations (S, 3, 3) of the face."""
    points, rotation = face
    guess = excess_weights(blendshapes, calibration.blendshapes.astype(np.float64))
    weights = _fit_contours(points, _facing(rotation, calibration.neutral), guess, calibration)
    weights = np.clip(weights * calibration.gains, 0.0, 1.0)
    _set_gaze(weights, blendshapes, calibration)
    parted = parted_lips(points, calibration)
    _read_grief(weights, parted)
    _set_brows(weights, points, calibration)
    _set_lips(weights, parted)
    _set_lids(weights, face, guess, calibration)
    return weights


def excess_weights(blendshapes: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return how far blendshapes (..., 52) lie above the performer's rest (52,), rescaled to 0..1."""
    return np.clip((blendshapes - rest) / (1.0 - rest), 0.0, 1.0)


def _facing(rotation: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """Return (S, K) in 0..1: how far each point's side of the face is turned to the camera."""
    yaw = np.arcsin(np.clip(rotation[:, 0, 2], -1, 1))
    side = np.sign(neutral[:, 0]) * np.minimum(1.0, np.abs(neutral[:, 0]) / 0.3)
    away = np.clip(yaw[:, None] * side - 0.15, 0.0, None)
    return np.exp(-((away / 0.45) ** 2))


def _fit_contours(points: np.ndarray, facing: np.ndarray, guess: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Fit weights in 0..1 to contour motion, near the guess; head-pose residue is fitted along and dropped.

    The residue is nearly free, so that it is not read as expression: the tracker's mesh stretches and shears as the
    head turns, and its mouth slides along the face as the head nods.
    """
    neutral = calibration.neutral.astype(np.float64)
    moved = ((points - neutral) / region_ratios(neutral))[..., :2].reshape(len(points), -1)
    trust = np.repeat(facing * _ROW_TRUST, 2, axis=1)
    basis = np.concatenate([_FITTED_BASIS, _RESIDUE])
    hessian = np.einsum("ik,sk,jk->sij", basis, trust, basis, optimize=True)
    fixed = guess @ HUMAN_BASIS[..., :2].reshape(len(BLENDSHAPES), -1) - guess[:, _FITTED] @ _FITTED_BASIS
    pull = (trust * (moved - fixed)) @ basis.T
    num = len(_FITTED)
    hessian[:, range(num), range(num)] += _STIFFNESS
    hessian[:, range(num, num + 9), range(num, num + 9)] += _RESIDUE_STIFFNESS
    pull[:, :num] += guess[:, _FITTED] * _STIFFNESS
    share = np.linalg.solve(hessian[:, num:, num:], hessian[:, num:, :num])
    reduced = hessian[:, :num, :num] - np.swapaxes(hessian[:, num:, :num], 1, 2) @ share
    out = guess.copy()
    reduced_pull = pull[:, :num] - np.einsum("sa,saj->sj", pull[:, num:], share)
    out[:, _FITTED] = _minimise_in_box(reduced, reduced_pull, guess[:, _FITTED])
    return out


def _minimise_in_box(hessian: np.ndarray, pull: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Minimise x'Hx/2 - x'pull for each frame with 0 <= x <= 1, by Newton steps among the weights that are at no bound.

    Source: Bertsekas 1982, Projected Newton Methods, with a sweep of coordinate descent after each step, which lets
    weights leave their bounds and never goes uphill.
    """
    value = start.copy()
    for _ in range(_NEWTON_STEPS):
        before = value.copy()
        slope = np.einsum("sij,sj->si", hessian, value) - pull
        held = ((value <= 0) & (slope > 0)) | ((value >= 1) & (slope < 0))
        free = np.where(held[:, :, None] | held[:, None, :], np.eye(value.shape[1]), hessian)
        step = np.linalg.solve(free, np.where(held, 0.0, slope)[..., None])[..., 0]
        stepped = np.clip(value - step, 0.0, 1.0)
        is_lower = _height(hessian, pull, stepped) <= _height(hessian, pull, value)
        value = np.where(is_lower[:, None], stepped, value)
        _sweep(hessian, pull, value)
        if np.abs(value - before).max() < _CONVERGED:
            break
    return value


def _height(hessian: np.ndarray, pull: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.einsum("si,si->s", value, 0.5 * np.einsum("sij,sj->si", hessian, value) - pull)


def _sweep(hessian: np.ndarray, pull: np.ndarray, value: np.ndarray) -> None:
    """Minimise along one weight after the other, in place."""
    for column in range(value.shape[1]):
        residue = pull[:, column] - np.einsum("sj,sj->s", hessian[:, column], value)
        value[:, column] = np.clip(value[:, column] + residue / hessian[:, column, column], 0.0, 1.0)


def _set_gaze(weights: np.ndarray, blendshapes: np.ndarray, calibration: Calibration) -> None:
    """Give both eyes one gaze, the mean of what the tracker saw in each, from the performer's resting gaze."""
    for axis in (("eyeLookOutLeft", "eyeLookInRight", "eyeLookInLeft", "eyeLookOutRight"),
                 ("eyeLookUpLeft", "eyeLookUpRight", "eyeLookDownLeft", "eyeLookDownRight")):  # fmt: skip
        columns = [_COLUMN[name] for name in axis]
        signs = np.array([0.5, 0.5, -0.5, -0.5])
        gaze = blendshapes[:, columns] @ signs - calibration.blendshapes[columns] @ signs
        weights[:, columns[:2]] = np.clip(gaze, 0.0, 1.0)[:, None]
        weights[:, columns[2:]] = np.clip(-gaze, 0.0, 1.0)[:, None]


def parted_lips(points: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return (S,): how far the inner lips are apart, as the average adult's head units; 0 is shut."""
    ratio = mouth_width(calibration.neutral) / mouth_width(rest_points(HUMAN_RIG))
    gap = lip_gap(points) / ratio
    return gap * smoothstep(_LIP_NOISE, _LIPS_APART, gap)


def _read_grief(weights: np.ndarray, parted: np.ndarray) -> None:
    """Take back the smile that the tracker sees in lips pressed together under raised inner brows.

    Wide, tight lips look alike in mirth and in tears, to the tracker and in outline; the brows tell them apart. Then
    the lips stay as wide, stretched, and their corners sink.
    """
    smile, stretch, frown = (
        [_COLUMN[f"mouth{name}{side}"] for side in ("Left", "Right")] for name in ("Smile", "Stretch", "Frown")
    )
    outer = weights[:, [_COLUMN["browOuterUpLeft"], _COLUMN["browOuterUpRight"]]].mean(axis=1)
    sorrow = np.clip(2.0 * (weights[:, _COLUMN["browInnerUp"]] - outer), 0.0, 1.0)
    grief = (sorrow * np.clip(1.0 - parted / _PARTED, 0.0, 1.0))[:, None]
    weights[:, stretch] = np.clip(weights[:, stretch] + grief * weights[:, smile], 0.0, 1.0)
    weights[:, frown] = np.clip(weights[:, frown] + 0.4 * grief * weights[:, smile], 0.0, 1.0)
    weights[:, smile] *= 1.0 - 0.75 * grief


def _set_brows(weights: np.ndarray, points: np.ndarray, calibration: Calibration) -> None:
    """Let each brow be as high over its eye as the performer's; the fit decides how its inner end differs."""
    raised, lowered = ([_COLUMN[f"brow{name}{side}"] for side in ("Left", "Right")] for name in ("OuterUp", "Down"))
    neutral = calibration.neutral.astype(np.float64)
    gain = calibration.gains[[*raised, *lowered]].min()
    wanted = gain * brow_heights((points - neutral) / region_ratios(neutral))
    missing = wanted - weights @ _BROW_HEIGHTS
    travel = weights[:, raised] - weights[:, lowered] + missing / _BROW_TRAVEL
    weights[:, raised], weights[:, lowered] = np.clip(travel, 0.0, 1.0), np.clip(-travel, 0.0, 1.0)


def _set_lips(weights: np.ndarray, wanted: np.ndarray) -> None:
    """Let the lips part as far as `wanted` (S,): shut is shut, whatever the jaw does."""
    parting = [_COLUMN[f"mouth{part}{side}"] for part in ("LowerDown", "UpperUp") for side in ("Left", "Right")]
    jaw, close, funnel = _COLUMN["jawOpen"], _COLUMN["mouthClose"], _COLUMN["mouthFunnel"]
    for _ in range(3):
        gap = lip_gap(face_points(HUMAN_RIG, weights)).astype(np.float64)
        share = np.clip(wanted / np.maximum(gap, 1e-3), 0.0, 1.0)
        weights[:, [*parting, funnel]] *= share[:, None]
        weights[:, close] = np.maximum(weights[:, close], weights[:, jaw] * (1.0 - share))
        missing = np.clip(wanted - gap, 0.0, None)
        weights[:, close] *= np.exp(-missing / _LIP_NOISE)
        weights[:, jaw] += 0.5 * missing / _GAP_OF_JAW
        weights[:, parting] += (0.5 * missing / _GAP_OF_PARTING)[:, None]
        np.clip(weights, 0.0, 1.0, out=weights)


def _set_lids(
    weights: np.ndarray, face: tuple[np.ndarray, np.ndarray], guess: np.ndarray, calibration: Calibration
) -> None:
    """Open the lids as far as the performer's are, from 0 (shut) over 1 (as at rest) to wide."""
    lids = [[_COLUMN[f"{name}{side}"] for side in ("Left", "Right")] for name in ("eyeBlink", "eyeWide", "eyeSquint")]
    blink, wide, squint = lids
    winks = np.abs(guess[:, blink[0]] - guess[:, blink[1]])
    points, rotation = face
    opening = _couple_eyes(lid_openings(points, calibration), rotation, winks)
    rest_aperture = eye_apertures(rest_points(HUMAN_RIG))
    weights[:, blink] = 0.0
    weights[:, wide] = np.clip((opening - 1.1) / 0.35, 0.0, 1.0)
    weights[:, squint] *= np.clip((1.05 - opening) / 0.15, 0.0, 1.0)
    given = eye_apertures(face_points(HUMAN_RIG, weights)) / rest_aperture
    weights[:, blink] = np.clip(1.0 - np.minimum(opening, 1.0) / np.maximum(given, 1e-3), 0.0, 1.0)


def lid_openings(points: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Return (S, 2): left and right lid opening, 0 shut, 1 as at rest, above 1 wide."""
    opened = calibration.open_aperture - calibration.closed_aperture
    opening = (eye_apertures(points) - calibration.closed_aperture) / np.maximum(opened, 1e-3)
    return np.clip(opening * smoothstep(_SHUT_BELOW, _SLIT_FROM, opening), 0.0, 1.5)


def _couple_eyes(opening: np.ndarray, rotation: np.ndarray, winks: np.ndarray) -> np.ndarray:
    """Let both eyes do the same, led by the one that the camera sees better, but for a wink that tracker and lids show.

    Args:
        opening: (S, 2), left and right.
        rotation: (S, 3, 3), picture from head.
        winks: (S,), difference of the tracker's blinks.
    """
    yaw_deg = np.rad2deg(np.arcsin(np.clip(rotation[:, 0, 2], -1, 1)))
    facing = np.exp(-((np.clip(np.stack([yaw_deg, -yaw_deg], axis=1) - 8.0, 0.0, None) / 14.0) ** 2)) + 1e-6
    together = (facing * opening).sum(axis=1, keepdims=True) / facing.sum(axis=1, keepdims=True)
    differ = np.minimum(winks, np.abs(opening[:, 0] - opening[:, 1])) * facing.min(axis=1)
    share = np.clip((differ - _WINK_FROM) / (_WINK_SURE - _WINK_FROM), 0.0, 1.0)[:, None]
    return together + share * (opening - together)
