"""Steadiness over time: change between frames, flicker where nothing should move, seams at window joins, drift.

In: pictures or curves of a video. Out: curves and floats. None of these alone is good news: a frozen video has no
flicker, so motion (`landmarks.measure_motion_gain`) is told beside them.
"""

import cv2
import numpy as np

from perfkit.metrics.pictures import unit_from_picture

STILL_STEP = 0.002
"""Motion a frame, in eye distances, up to which a performance stands still: 0.1 px between eyes 50 px apart."""


def measure_change(before: np.ndarray, after: np.ndarray, *, region: np.ndarray | None = None) -> float:
    """Measure the mean absolute difference of two frames.

    Args:
        before: (H, W, 3), uint8 or float in 0..1.
        after: Same size.
        region: (H, W) bool, where to look; everywhere by default.

    Returns:
        Grey levels, 0..255; NaN for an empty region.
    """
    difference = np.abs(unit_from_picture(after) - unit_from_picture(before))
    difference = difference if region is None else difference[region]
    return 255 * float(difference.mean()) if difference.size else float("nan")


def measure_static_flicker(changes: np.ndarray, steps: np.ndarray, *, still_step: float = STILL_STEP) -> float:
    """Measure how much a video changes from frame to frame while nothing was asked to move.

    Args:
        changes: (T,) change from the frame before, grey levels.
        steps: (T,) motion that was asked for, of the point that moves most, eye distances a frame.
        still_step: Motion up to which a frame counts as still.

    Returns:
        Mean over the still frames, grey levels 0..255; NaN when no frame is still.
    """
    is_still = (steps <= still_step) & np.isfinite(changes)
    return float(changes[is_still].mean()) if is_still.any() else float("nan")


def measure_seam_index(errors: np.ndarray, joins: np.ndarray, *, reference: np.ndarray | None = None) -> float:
    """Measure how much worse a video holds together where windows join.

    A gesture that happens to fall on a join is no seam: errors at joins and elsewhere are each taken against those of a
    reference that has no windows.

    Args:
        errors: (T,) error of each frame against the one before, e.g. its warp error; NaN = not known.
        joins: (N,) int, the first frame of every window but the first.
        reference: (T,) the same of the input (the control pictures, the exact drawing); even by default.

    Returns:
        Mean error at joins / mean error elsewhere, each over the reference's, >= 0, 1 = no seam; NaN when there is no
        join, or nothing to compare with.
    """
    reference = np.ones(len(errors)) if reference is None else reference
    is_join = np.zeros(len(errors), dtype=bool)
    is_join[joins] = True
    is_known = np.isfinite(errors) & np.isfinite(reference)
    sums = [(errors[rows].sum(), reference[rows].sum()) for rows in (is_join & is_known, ~is_join & is_known)]
    if min(total for pair in sums for total in pair) <= 0:
        return float("nan")
    return float(sums[0][0] / sums[0][1] / (sums[1][0] / sums[1][1]))


def lab_from_rgb(image_rgb: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) float32 CIE Lab (D65): L 0..100, a and b about -128..127, of uint8 sRGB or float in 0..1."""
    return cv2.cvtColor(unit_from_picture(image_rgb).astype(np.float32), cv2.COLOR_RGB2LAB)


def measure_mean_lab(image_rgb: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return (3,) mean Lab of a region (H, W) bool; NaN when it is empty."""
    lab = lab_from_rgb(image_rgb)[region]
    return lab.mean(axis=0).astype(np.float64) if len(lab) else np.full(3, np.nan)


def measure_drift(labs: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Measure how far the mean colour of each window has drifted from the first one's.

    Args:
        labs: (T, 3) mean Lab of each frame; NaN = not known.
        starts: (N,) int, first frame of every window, beginning with 0.

    Returns:
        (N,) distance in Lab, >= 0, the first is 0; 2.3 is what an eye just notices. NaN for windows without a frame.

    Source: CIE 1976 colour difference; Mahy et al. 1994 for the just noticeable one.
    """
    stops = np.append(starts[1:], len(labs))
    means = np.full((len(starts), 3), np.nan)
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        known = labs[start:stop][np.isfinite(labs[start:stop]).all(axis=1)]
        if len(known):
            means[row] = known.mean(axis=0)
    return np.linalg.norm(means - means[0], axis=1)
