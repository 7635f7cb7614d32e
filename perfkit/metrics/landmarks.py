"""How far points are from where they should be, and how they move. Plain functions; each names its source.

In: point arrays (..., K, 2) in px, as the landmark network gives them. Out: floats, in eye distances.
"""

import numpy as np

from perfkit.rig import Rig, face_points
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES


def measure_landmark_error(
    points: np.ndarray, reference: np.ndarray, *, visibility: np.ndarray, eye_distance_px: np.ndarray | float
) -> float:
    """Measure the mean distance of visible points from their reference, as a share of the eye distance.

    Args:
        points: (..., K, 2) px.
        reference: (..., K, 2) px.
        visibility: (..., K) in 0..1; points under one half do not count.
        eye_distance_px: (...) or one number, from `eye_distance_from_rig`: the distance as if seen from the front, so
            that a turned head is not punished for its foreshortening.

    Returns:
        Mean over all visible points of all pictures; NaN when none is visible.

    Source: normalised mean error of 300-W (Sagonas et al., "300 Faces in-the-Wild Challenge", 2016), with the centres
    of the eyes as its pair.
    """
    if points.shape != reference.shape or visibility.shape != points.shape[:-1]:
        raise ValueError(
            f"points {points.shape}, reference {reference.shape}, visibility {visibility.shape} do not fit"
        )
    distance = np.linalg.norm(points.astype(np.float64) - reference, axis=-1)
    share = distance / np.asarray(eye_distance_px, dtype=np.float64)[..., None]
    is_counted = visibility >= 0.5
    return float(share[is_counted].mean()) if is_counted.any() else float("nan")


def eye_distance_from_rig(rig: Rig, scale_px: np.ndarray | float) -> np.ndarray:
    """Return the distance between the centres of a character's eyes, seen from the front at rest.

    Args:
        rig: The character's proportions.
        scale_px: (...) pixels for one head unit, the last of `vocabulary.HEAD_CHANNELS`.

    Returns:
        (...) float64 px.
    """
    points = face_points(rig, np.zeros(len(BLENDSHAPES), dtype=np.float32))
    left = points[CONTOUR_SLICES["left_eye"]].mean(axis=0)
    right = points[CONTOUR_SLICES["right_eye"]].mean(axis=0)
    return np.linalg.norm(left - right) * np.asarray(scale_px, dtype=np.float64)


def measure_motion_gain(points: np.ndarray, reference: np.ndarray, *, visibility: np.ndarray, span: int = 1) -> float:
    """Measure which share of a reference's motion is kept: to be told beside every figure of steadiness.

    The displacement of every point over `span` frames is regressed on the reference's, <d, r> / <r, r>, so that a
    trembling that has nothing to do with the reference neither adds to it nor takes away.

    Args:
        points: (T, K, 2) px; NaN = not seen.
        reference: (T, K, 2) px, where they were asked to be.
        visibility: (T, K) in 0..1; points under one half in either frame do not count.
        span: Frames apart.

    Returns:
        0 = frozen, 1 = all of it, more = exaggerated; NaN when the reference does not move or nothing is seen.

    Source: least squares in one dimension.
    """
    moved = points[span:].astype(np.float64) - points[:-span]
    wanted = reference[span:].astype(np.float64) - reference[:-span]
    is_counted = (np.minimum(visibility[span:], visibility[:-span]) >= 0.5) & np.isfinite(moved).all(axis=-1)
    square = float((wanted[is_counted] ** 2).sum())
    return float((moved[is_counted] * wanted[is_counted]).sum()) / square if square > 0 else float("nan")


def measure_jitter(
    points: np.ndarray, seconds: np.ndarray, *, visibility: np.ndarray, eye_distance_px: np.ndarray | float
) -> np.ndarray:
    """Measure how far the points of each frame lie from the straight way between their neighbours, doubled.

    At an even rate that is |x[t+1] - 2 x[t] + x[t-1]|, the second difference. A frozen video has 0, so give
    `measure_motion_gain` with it; acting has some too, so compare with that of the motion that was asked for.

    Args:
        points: (T, K, 2) px; NaN = not seen.
        seconds: (T,) increasing; rates may vary.
        visibility: (T, K) in 0..1; points under one half in one of the three frames do not count.
        eye_distance_px: (T,) or one number.

    Returns:
        (T,) mean over points, in eye distances a frame squared, >= 0; NaN in the first and last frame and where
        nothing is seen.

    Source: the discrete acceleration by which pose trackers are compared (Kanazawa et al., "Learning 3D human dynamics
    from video", 2019, acceleration error), here of the points themselves.
    """
    jitter = np.full(points.shape[:2], np.nan)
    if len(points) >= 3:
        share = ((seconds[1:-1] - seconds[:-2]) / (seconds[2:] - seconds[:-2]))[:, None, None]
        between = points[:-2].astype(np.float64) * (1 - share) + points[2:] * share
        jitter[1:-1] = 2 * np.linalg.norm(points[1:-1] - between, axis=-1)
        is_counted = visibility >= 0.5
        jitter[1:-1][~(is_counted[:-2] & is_counted[1:-1] & is_counted[2:])] = np.nan
    return mean_where_seen(jitter) / np.broadcast_to(eye_distance_px, len(points))


def mean_where_seen(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is not NaN; NaN where all is."""
    is_seen = np.isfinite(values)
    count = is_seen.sum(axis=-1)
    total = np.where(is_seen, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
