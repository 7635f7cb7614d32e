"""The performer at rest: what every expression is measured from. Fitted from a take, saved, reused for other takes.

In: a PerformanceTrack. Out: `Calibration` (its file: `perfkit.calibration_file`).

A neutral face is never one frame. Each region (eyes, brows, mouth) is a robust median over the frames in which that
region is calm, after taking off the motion that the tracker's blendshapes still report there: a take that cries and
then laughs has no wholly neutral frame, but it has calm brows somewhere, and open eyes, and a shut mouth.
"""

from dataclasses import replace

import numpy as np

from perfkit.calibration_file import Calibration, load_calibration, save_calibration
from perfkit.errors import CalibrationError
from perfkit.expression import excess_weights, fit_weights
from perfkit.geometry import weighted_median
from perfkit.headspace import align, measure_head, seen_frames, stand_upright, straighten, unturn_by_tracker
from perfkit.measures import eye_apertures, head_angles, human_motion, lip_gap, region_ratios
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES

__all__ = ["Calibration", "fit_calibration", "load_calibration", "save_calibration"]

MIN_FRAMES = 5
"""Seen frames below which no neutral face is fitted."""
MAX_FRAMES = 3000
"""Seen frames beyond which every second, third ... one is enough."""

_REGION_OF = {
    "brow": "brows", "eye": "eyes", "jaw": "mouth", "mouth": "mouth", "cheek": "mouth", "nose": "mouth",
    "tongue": "mouth",
}  # fmt: skip
_REST_LIMITS = {
    "eyeBlink": 0.3, "eyeLook": 0.35, "eyeLookIn": 0.12, "eyeLookOut": 0.12,
    "eyeSquint": 0.45, "eyeWide": 0.1, "browDown": 0.35, "browInnerUp": 0.3,
    "browOuterUp": 0.3, "mouthSmile": 0.1, "mouthFrown": 0.2, "jawOpen": 0.06, "mouthPress": 0.3, "mouthRoll": 0.3,
    "mouthShrug": 0.3, "mouthPucker": 0.3, "mouthClose": 0.1,
}  # fmt: skip
"""Most that the tracker reports for a face at rest, by the start of the name (others: 0.12); beyond it is acting."""
_GAIN_LIMITS = {"brow": 2.5, "mouth": 1.25, "jaw": 1.25, "nose": 1.4, "cheek": 1.4}
_PARTED_LIPS = 0.06
"""Lip gap, in head units, that counts as one unit of unrest."""
_OPEN_BLINK, _SHUT_BLINK = 0.2, 0.7
"""What the tracker usually reports as a blink for open and for shut eyes."""
_SHUT_QUANTILE = 0.2
_RANGE_GOAL, _RANGE_FLOOR = 0.8, 0.2


def _by_prefix(table: dict[str, float], default: float) -> np.ndarray:
    best = [max((prefix for prefix in table if name.startswith(prefix)), key=len, default="") for name in BLENDSHAPES]
    return np.array([table.get(prefix, default) for prefix in best])


_REGIONS = np.array([next(r for prefix, r in _REGION_OF.items() if name.startswith(prefix)) for name in BLENDSHAPES])
_EYE_CALM = np.array(
    [name.startswith(("eyeBlink", "eyeWide", "eyeLookDown", "eyeLookUp", "eyeSquint")) for name in BLENDSHAPES]
)
_ROW_REGIONS = {
    "eyes": ("left_eye", "right_eye", "left_iris", "right_iris"),
    "brows": ("left_brow", "right_brow"),
    "mouth": ("outer_lips", "inner_lips", "nose_base", "face_oval"),
}


def fit_calibration(track: PerformanceTrack) -> Calibration:
    """Find a performer's neutral face and range in a take.

    Args:
        track: A take of the performer; the longer and the more varied, the better.

    Returns:
        Calibration, usable on every take of the same performer.

    Raises:
        CalibrationError: Too few frames hold a face.
    """
    track = stand_upright(track)
    frames = np.flatnonzero(seen_frames(track))
    if len(frames) < MIN_FRAMES:
        raise CalibrationError(
            f"calibrate: {len(frames)} of {len(track)} frames hold a face, need {MIN_FRAMES}; "
            "use a take that shows the face, or --calibration of another take of this performer"
        )
    frames = frames[:: -(-len(frames) // MAX_FRAMES)]
    blendshapes = track.blendshapes[frames].astype(np.float64)
    seconds = track.times.seconds[frames]
    points = unturn_by_tracker(track, frames)
    angles = head_angles(track.camera_from_head[frames])
    unrest = _pose_unrest(angles) + _motion_unrest(seconds, blendshapes)
    weights = {region: _calm_weights(unrest + _region_unrest(region, blendshapes)) for region in _ROW_REGIONS}
    rest = _rest_blendshapes(blendshapes, weights)
    excess = excess_weights(blendshapes, rest)
    neutral = straighten(_neutral_points(points, excess, weights))
    for _ in range(2):
        aligned = align(points, neutral)
        parted = (lip_gap(aligned) / _PARTED_LIPS) ** 2
        weights["mouth"] = _calm_weights(unrest + _region_unrest("mouth", blendshapes) + parted)
        neutral = straighten(_shut_mouth(_neutral_points(aligned, excess, weights)))
    motion = measure_head(track, neutral, frames=frames)
    aperture = eye_apertures(motion.points())
    open_aperture = _open_aperture(aperture, blendshapes, weights["eyes"])
    calibration = Calibration(
        neutral=neutral.astype(np.float32),
        blendshapes=rest.astype(np.float32),
        gains=np.ones(len(BLENDSHAPES), dtype=np.float32),
        open_aperture=open_aperture.astype(np.float32),
        closed_aperture=_closed_aperture(aperture, open_aperture).astype(np.float32),
        num_frames=len(frames),
        take_digest=track.take_digest,
    )
    return replace(calibration, gains=_range_gains(fit_weights(motion, blendshapes, calibration)).astype(np.float32))


def _pose_unrest(angles: np.ndarray) -> np.ndarray:
    """Return (S,) unrest of the head's turn: a turned face hides its far half from the tracker."""
    return (angles[:, 0] / 22) ** 2 + ((angles[:, 1] - np.median(angles[:, 1])) / 18) ** 2


def _motion_unrest(seconds: np.ndarray, blendshapes: np.ndarray) -> np.ndarray:
    if len(seconds) < 2:
        return np.zeros(len(seconds))
    speed = np.abs(np.gradient(blendshapes, seconds, axis=0)).sum(axis=1)
    return (speed / 6.0) ** 2


def _region_unrest(region: str, blendshapes: np.ndarray) -> np.ndarray:
    if region == "eyes":
        return ((blendshapes[:, _EYE_CALM] - 0.15).clip(0) ** 2).sum(axis=1) / 0.2**2
    columns = region == _REGIONS
    return (blendshapes[:, columns] ** 2).sum(axis=1) / 0.25**2


def _calm_weights(unrest: np.ndarray) -> np.ndarray:
    """Return (S,) weights that fall with unrest, spread so that a tenth of the frames counts (and at least five)."""
    above = unrest - unrest.min()
    wanted = min(max(MIN_FRAMES, 0.1 * len(unrest)), 0.5 * len(unrest))
    low, high = 0.0, 12.0
    for _ in range(20):
        middle = 0.5 * (low + high)
        weights = np.exp(-above / 2.0**middle)
        is_enough = weights.sum() ** 2 / (weights**2).sum() >= wanted
        low, high = (low, middle) if is_enough else (middle, high)
    return np.exp(-above / 2.0**high)


def _rest_blendshapes(blendshapes: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    rest = np.zeros(len(BLENDSHAPES))
    for region, frame_weights in weights.items():
        columns = region == _REGIONS
        rest[columns] = weighted_median(blendshapes[:, columns], frame_weights)
    return np.minimum(rest, _by_prefix(_REST_LIMITS, 0.12))


def _neutral_points(points: np.ndarray, excess: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return (K, 3): each region's weighted median, with the motion that is still reported there taken off."""
    everywhere = np.prod([frame_weights / frame_weights.max() for frame_weights in weights.values()], axis=0)
    out = weighted_median(points, everywhere + 1e-3)
    height = out[CONTOUR_SLICES["face_oval"].start + 18, 1] - out[CONTOUR_SLICES["face_oval"].start, 1]
    resting = points - human_motion(excess) * region_ratios(out / (height / 2)) * (height / 2)
    for region, names in _ROW_REGIONS.items():
        for name in names:
            rows = CONTOUR_SLICES[name]
            out[rows] = weighted_median(resting[:, rows], weights[region])
    return out


def _shut_mouth(neutral: np.ndarray) -> np.ndarray:
    """Return the neutral face with its lips together: a jaw that hangs in every frame is still not its rest."""
    jaw = human_motion(np.eye(len(BLENDSHAPES))[BLENDSHAPES.index("jawOpen")]) * region_ratios(neutral)
    shut = neutral - jaw * (np.maximum(lip_gap(neutral), 0.0) / lip_gap(jaw))
    lips = CONTOUR_SLICES["inner_lips"].start
    lower, upper = lips + np.arange(1, 10), lips + np.arange(19, 10, -1)
    shut[lower, 1] = shut[upper, 1] = 0.5 * (shut[lower, 1] + shut[upper, 1])
    return shut


def _range_gains(fitted: np.ndarray) -> np.ndarray:
    """Return (52,) gains that bring the performer's widest motion to the goal; left and right get the same."""
    widest = np.quantile(fitted, 0.97, axis=0)
    for index, name in enumerate(BLENDSHAPES):
        if name.endswith("Left"):
            other = BLENDSHAPES.index(name.removesuffix("Left") + "Right")
            widest[[index, other]] = widest[[index, other]].max()
    gains = _RANGE_GOAL / np.maximum(widest, _RANGE_FLOOR)
    sure = np.clip((widest - 0.05) / (_RANGE_FLOOR - 0.05), 0.0, 1.0)
    return 1.0 + sure * (np.clip(gains, 1.0, _by_prefix(_GAIN_LIMITS, 1.0)) - 1.0)


def _open_aperture(aperture: np.ndarray, blendshapes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (2,): lids at rest; frames in which the tracker sees half-shut lids count as what they would be, open."""
    blinks = blendshapes[:, [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]].mean(axis=1)
    shut_share = np.clip((blinks - _OPEN_BLINK) / (_SHUT_BLINK - _OPEN_BLINK), 0.0, 0.6)
    return weighted_median(aperture / (1.0 - shut_share)[:, None], weights)


def _closed_aperture(aperture: np.ndarray, open_aperture: np.ndarray) -> np.ndarray:
    """Return (2,): what the take shows of shut eyes; a share of the open eye where it shows none.

    Of the narrowest eyes the lower part counts: a long smile narrows them more often than blinks shut them.
    """
    is_shut = (aperture < 0.35 * open_aperture).all(axis=1)
    if is_shut.sum() < 2:
        return 0.22 * open_aperture
    return np.clip(np.quantile(aperture[is_shut], _SHUT_QUANTILE, axis=0), 0.0, 0.3 * open_aperture)
