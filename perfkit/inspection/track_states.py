"""What a performance track alone says about its take: where the face is lost, covered, turned away, small, cut off.

In: a PerformanceTrack. Out: `TrackStates`, one row a frame.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.blinks import complete_blinks
from perfkit.calibrate import fit_calibration
from perfkit.errors import CalibrationError
from perfkit.expression import fit_weights
from perfkit.headspace import measure_head, stand_upright
from perfkit.metrics.acting import find_blinks
from perfkit.rig import head_angles_from_rotation
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_INDICES, CONTOUR_SLICES

OCCLUDED_CONFIDENCE = 0.9
"""Confidence under which a face counts as covered: a hand lies over more than a tenth of its contours."""
PROFILE_DEG = 45.0
SMALL_PX = 64
"""Height of the face under which a tracker guesses rather than sees lids and lips."""
CUT_SHARE = 0.05
CALM_UNREST, NEAREST_UNREST = 1.0, 4.0
"""Unrest up to which a frame is calm, and up to which the calmest one may stand in where none is."""
_CALM_TURN_DEG = np.array([16.0, 16.0, 16.0])
_CALM_WEIGHT = 0.6
"""Turn of the head, and root sum of squares of all 52 calibrated weights, that make one unit of unrest."""
MAX_NEUTRAL_FRAMES = 6
_NEUTRAL_APART_SECONDS = 0.5
_BLINKS = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
_CHIN = CONTOUR_SLICES["face_oval"].start + 18


@dataclass(frozen=True, eq=False)
class TrackStates:
    """What was seen of the performer, (T,) each; bool unless said otherwise.

    Attributes:
        is_found: A face was seen.
        is_occluded: It was seen, partly under a hand.
        is_profile: It is turned away by more than `PROFILE_DEG`.
        is_small: It is lower than `SMALL_PX`.
        is_cut: Part of it lies outside the picture.
        face_height_px: float, forehead to chin; NaN = no face.
        angles: (T, 3) float: yaw, pitch, roll in degrees; NaN = no face.
        opening: float, of the eyes: 0 shut, 1 as at rest; NaN = no face, or no neutral face to compare with.
        unrest: float, how far from a calm, neutral face turned to the camera, see `CALM_UNREST`; NaN = no face, or no
            neutral face to compare with.
        blinks: (N,) int, frames in which eyes fall shut, of faces that are whole and not small.
        neutral_frames: (M,) int, the calm frames, calmest first, half a second apart; the nearest one if none is calm.
        is_lying: The performer lies on their side in the picture (one bool for the take).
        calibration_error: Why no neutral face could be fitted; empty where one was.
    """

    is_found: np.ndarray
    is_occluded: np.ndarray
    is_profile: np.ndarray
    is_small: np.ndarray
    is_cut: np.ndarray
    face_height_px: np.ndarray
    angles: np.ndarray
    opening: np.ndarray
    unrest: np.ndarray
    blinks: np.ndarray
    neutral_frames: np.ndarray
    is_lying: bool
    calibration_error: str = ""


def watch_track(track: PerformanceTrack) -> TrackStates:
    """Read the states of every frame off a track."""
    is_found = track.face_confidence > 0
    contour = track.face[:, CONTOUR_INDICES, :2].astype(np.float64)
    height = np.linalg.norm(contour[:, _CHIN] - contour[:, CONTOUR_SLICES["face_oval"].start], axis=-1)
    outside = ((contour < 0) | (contour > np.array(track.size_wh))).any(axis=-1).mean(axis=1)
    angles, opening, unrest, calibration_error = _measure_motion(track)
    is_small = is_found & (np.nan_to_num(height, nan=np.inf) < SMALL_PX)
    is_whole = is_found & (track.face_confidence >= OCCLUDED_CONFIDENCE) & (outside <= CUT_SHARE) & ~is_small
    return TrackStates(
        is_found=is_found,
        is_occluded=is_found & (track.face_confidence < OCCLUDED_CONFIDENCE),
        is_profile=is_found & (np.abs(np.nan_to_num(angles[:, 0])) > PROFILE_DEG),
        is_small=is_small,
        is_cut=is_found & (outside > CUT_SHARE),
        face_height_px=height,
        angles=angles,
        opening=opening,
        unrest=unrest,
        blinks=find_blinks(np.where(is_whole, opening, np.nan)),
        neutral_frames=choose_neutral_frames(track.times.seconds, np.where(is_whole, unrest, np.nan)),
        is_lying=stand_upright(track) is not track,
        calibration_error=calibration_error,
    )


def choose_neutral_frames(seconds: np.ndarray, unrest: np.ndarray) -> np.ndarray:
    """Return the calm frames, calmest first, apart from each other, or the one that comes nearest; (M,) int.

    Args:
        seconds: (T,) increasing.
        unrest: (T,), NaN = cannot be chosen.
    """
    chosen: list[int] = []
    for frame in np.argsort(unrest, kind="stable"):
        if not unrest[frame] <= (CALM_UNREST if chosen else NEAREST_UNREST) or len(chosen) == MAX_NEUTRAL_FRAMES:
            break
        if all(abs(seconds[frame] - seconds[other]) >= _NEUTRAL_APART_SECONDS for other in chosen):
            chosen.append(int(frame))
    return np.array(chosen, dtype=np.int64)


def _measure_motion(track: PerformanceTrack) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return angles (T, 3), opening of the eyes (T,), unrest (T,), and why they are missing."""
    angles, opening, unrest = np.full((len(track), 3), np.nan), np.full(len(track), np.nan), np.full(len(track), np.nan)
    try:
        calibration = fit_calibration(track)
    except CalibrationError as error:
        return angles, opening, unrest, str(error)
    upright = stand_upright(track)
    motion = measure_head(upright, calibration.neutral.astype(np.float64))
    angles[motion.frames] = head_angles_from_rotation(motion.rotation)
    blendshapes = upright.blendshapes[motion.frames].astype(np.float64)
    weights = fit_weights(motion, blendshapes, calibration)
    lids = complete_blinks(track.times.seconds[motion.frames], weights[:, _BLINKS], blendshapes[:, _BLINKS])
    opening[motion.frames] = 1.0 - lids.mean(axis=1)
    turn = (angles[motion.frames] / _CALM_TURN_DEG) ** 2
    unrest[motion.frames] = (weights**2).sum(axis=1) / _CALM_WEIGHT**2 + turn.sum(axis=1)
    return angles, opening, unrest, ""
