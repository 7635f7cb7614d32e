"""The performer at rest: what every expression is measured from. Fitted from a take, saved, reused for other takes.

In: a PerformanceTrack. Out: `Calibration`, and its small file (safetensors with a versioned JSON header).

A neutral face is never one frame. Each region (eyes, brows, mouth) is a robust median over the frames in which that
region is calm, after taking off the motion that the tracker's blendshapes still report there: a take that cries and
then laughs has no wholly neutral frame, but it has calm brows somewhere, and open eyes, and a shut mouth.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from perfkit.errors import CalibrationError
from perfkit.geometry import weighted_median
from perfkit.headspace import align, measure_head, seen_frames, straighten, unturn_by_tracker
from perfkit.measures import eye_apertures, head_angles, human_motion, lip_gap, region_ratios
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

VERSION = 1
MIN_FRAMES = 5

_FILE_SHAPES = {
    "neutral": (NUM_CONTOUR_POINTS, 3),
    "blendshapes": (len(BLENDSHAPES),),
    "gains": (len(BLENDSHAPES),),
    "open_aperture": (2,),
    "closed_aperture": (2,),
}


@dataclass(frozen=True, eq=False)
class Calibration:
    """One performer at rest, and how far they move.

    Attributes:
        neutral: (K, 3) float32, contour points at rest in the performer's head space (unit = half the face's height).
        blendshapes: (52,) float32, what the tracker reports for the face at rest.
        gains: (52,) float32 >= 1, brings the performer's widest motion near the character's.
        open_aperture: (2,) float32, left and right lid distance / eye width with eyes at rest.
        closed_aperture: (2,) float32, the same with eyes shut.
        num_frames: Seen frames that it was fitted from.
        take_digest: The take that it was fitted from.
    """

    neutral: np.ndarray
    blendshapes: np.ndarray
    gains: np.ndarray
    open_aperture: np.ndarray
    closed_aperture: np.ndarray
    num_frames: int
    take_digest: str


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
_GAIN_LIMITS = {"brow": 1.8, "mouth": 1.25, "jaw": 1.25, "nose": 1.4, "cheek": 1.4}
_PARTED_LIPS = 0.06
"""Lip gap, in head units, that counts as one unit of unrest."""
_RANGE_GOAL, _RANGE_FLOOR = 0.8, 0.2


def _by_prefix(table: dict[str, float], default: float) -> np.ndarray:
    best = [max((prefix for prefix in table if name.startswith(prefix)), key=len, default="") for name in BLENDSHAPES]
    return np.array([table.get(prefix, default) for prefix in best])


_REGIONS = np.array([next(r for prefix, r in _REGION_OF.items() if name.startswith(prefix)) for name in BLENDSHAPES])
_EYE_CALM = np.array([name.startswith(("eyeBlink", "eyeWide", "eyeLookDown", "eyeLookUp")) for name in BLENDSHAPES])
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
    frames = np.flatnonzero(seen_frames(track))
    if len(frames) < MIN_FRAMES:
        raise CalibrationError(
            f"calibrate: {len(frames)} of {len(track)} frames hold a face, need {MIN_FRAMES}; "
            "use a take that shows the face, or --calibration of another take of this performer"
        )
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
    aperture = eye_apertures(measure_head(track, neutral).points)
    open_aperture = weighted_median(aperture, weights["eyes"])
    return Calibration(
        neutral=neutral.astype(np.float32),
        blendshapes=rest.astype(np.float32),
        gains=_range_gains(excess).astype(np.float32),
        open_aperture=open_aperture.astype(np.float32),
        closed_aperture=_closed_aperture(aperture, open_aperture).astype(np.float32),
        num_frames=len(frames),
        take_digest=track.take_digest,
    )


def excess_weights(blendshapes: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return how far blendshapes (..., 52) lie above the performer's rest (52,), rescaled to 0..1."""
    return np.clip((blendshapes - rest) / (1.0 - rest), 0.0, 1.0)


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
        return ((blendshapes[:, _EYE_CALM] - 0.1).clip(0) ** 2).sum(axis=1) / 0.2**2
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


def _range_gains(excess: np.ndarray) -> np.ndarray:
    """Return (52,) gains that bring the performer's widest motion to the goal; left and right get the same."""
    widest = np.quantile(excess, 0.97, axis=0)
    for index, name in enumerate(BLENDSHAPES):
        if name.endswith("Left"):
            other = BLENDSHAPES.index(name.removesuffix("Left") + "Right")
            widest[[index, other]] = widest[[index, other]].max()
    gains = _RANGE_GOAL / np.maximum(widest, _RANGE_FLOOR)
    sure = np.clip((widest - 0.05) / (_RANGE_FLOOR - 0.05), 0.0, 1.0)
    return 1.0 + sure * (np.clip(gains, 1.0, _by_prefix(_GAIN_LIMITS, 1.0)) - 1.0)


def _closed_aperture(aperture: np.ndarray, open_aperture: np.ndarray) -> np.ndarray:
    """Return (2,): what the take shows of shut eyes; a share of the open eye where it shows none."""
    is_shut = (aperture < 0.35 * open_aperture).all(axis=1)
    if is_shut.sum() < 2:
        return 0.22 * open_aperture
    return np.clip(np.median(aperture[is_shut], axis=0), 0.0, 0.3 * open_aperture)


def save_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write a calibration file; it appears whole or not at all."""
    path = Path(path)
    header = {
        "perfkit_calibration": json.dumps(
            {"version": VERSION, "num_frames": calibration.num_frames, "take_digest": calibration.take_digest}
        )
    }
    arrays = {name: np.ascontiguousarray(getattr(calibration, name), dtype=np.float32) for name in _FILE_SHAPES}
    aside = path.with_name(path.name + ".part")
    try:
        aside.write_bytes(save(arrays, metadata=header))
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise CalibrationError(
            f"calibration {path}: cannot be written ({error.strerror}); choose another place"
        ) from error


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: Not a calibration file, another version, a wrong shape, NaN.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("perfkit_calibration", "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CalibrationError(
            f"calibration {path}: cannot be read ({error}); make it with perfkit calibrate"
        ) from error
    if header.get("version") != VERSION:
        raise CalibrationError(
            f"calibration {path}: version {header.get('version')}, expected {VERSION}; "
            "make it again with perfkit calibrate"
        )
    for name, shape in _FILE_SHAPES.items():
        if name not in arrays or arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            got = arrays[name].shape if name in arrays else "nothing"
            raise CalibrationError(f"calibration {path}: {name} is {got}, expected finite {shape}; make it again")
    return Calibration(**{name: arrays[name] for name in _FILE_SHAPES}, **_header_fields(header, path))


def _header_fields(header: dict[str, object], path: Path) -> dict:
    num_frames, digest = header.get("num_frames"), header.get("take_digest")
    if not isinstance(num_frames, int) or not isinstance(digest, str):
        raise CalibrationError(f"calibration {path}: header lacks num_frames or take_digest; make it again")
    return {"num_frames": num_frames, "take_digest": digest}
