"""Expression over time: seen frames fitted to the 52 weights, lost ones bridged, held or eased, jitter calmed.

In: a performance that stands upright, its head motion, the performer at rest. Out: weights of every frame, and how far
the head's turn may be off. Shared by retargeting and by the formats of other programs.
"""

import numpy as np

from perfkit.blinks import complete_blinks
from perfkit.calibration_file import Calibration
from perfkit.expression import fit_weights
from perfkit.headspace import HeadMotion
from perfkit.rows import let_go
from perfkit.smoothing import fill_gaps, smooth_offline
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES

_BLINKS = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
_HIDDEN_DEG, _HIDDEN_SHARE = 2.0, 0.15
"""Noise of the head's angles under a hand, and the loss of confidence in the face from which it is that large."""


def clean_weights(
    track: PerformanceTrack, motion: HeadMotion, calibration: Calibration, *, smoothing: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the performer's calibrated expression in every frame.

    Args:
        track: The performance.
        motion: Its head motion, fitted with the calibration's neutral face.
        calibration: The performer at rest.
        smoothing: Reach of the smoothing in time against the usual, 0 = none.

    Returns:
        (T, 52) float32 in 0..1, columns as `vocabulary.BLENDSHAPES`, and (T,) uint8 of FrameFlag: what became of frames
        without a face.
    """
    weights = np.zeros((len(track), len(BLENDSHAPES)))
    seen = seen_mask(track, motion)
    seconds = track.times.seconds
    if len(motion.frames):
        weights[seen] = _fit_seen(track, motion, calibration)
    weights, flags = fill_gaps(seconds, weights, seen, np.zeros(len(BLENDSHAPES)))
    if smoothing > 0:
        weights = smooth_offline(seconds, weights, reach_seconds=0.1 * smoothing, noise_limits=(0.008, 0.04))
    return weights.astype(np.float32), flags


def _fit_seen(track: PerformanceTrack, motion: HeadMotion, calibration: Calibration) -> np.ndarray:
    """Return the expression of the seen frames, (S, 52) float64, with blinks that close."""
    blendshapes = track.blendshapes[motion.frames]
    let_go(track.blendshapes)
    fitted = fit_weights(motion, blendshapes, calibration)
    seconds, reported = track.times.seconds[motion.frames], blendshapes[:, _BLINKS].astype(np.float64)
    fitted[:, _BLINKS] = complete_blinks(seconds, fitted[:, _BLINKS], reported)
    return fitted


def seen_mask(track: PerformanceTrack, motion: HeadMotion) -> np.ndarray:
    """Return (T,) bool: the frames that the head motion holds."""
    seen = np.zeros(len(track), dtype=bool)
    seen[motion.frames] = True
    return seen


def head_doubt_deg(track: PerformanceTrack) -> np.ndarray:
    """Return (T,): how far off a hand in front of the face may turn the head, degrees.

    The tracker keeps finding a covered face where it is, but guesses its turn: the guess jumps as the hand moves.
    """
    return _HIDDEN_DEG * np.clip((1.0 - track.face_confidence) / _HIDDEN_SHARE, 0.0, 1.0)
