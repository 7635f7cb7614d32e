"""Figures of time: motion, jitter, flicker, warp error, seams, drift. Steadiness counts only where there is motion.

In: a Scene, `Watched`, `Acting`. Out: Figures.
"""

from dataclasses import replace

import numpy as np

from perfkit.metrics.landmarks import measure_jitter, measure_motion_gain
from perfkit.metrics.steadiness import measure_drift, measure_seam_index, measure_static_flicker
from perfkit.score.acted import Acting
from perfkit.score.figure import NAN, Figure, mean_of_known
from perfkit.score.reader import Faces
from perfkit.score.scene import Scene
from perfkit.score.watching import Watched

MOTION_SPAN = 6
"""Frames over which motion is compared: longer than a reader's tremble, shorter than a gesture."""
FROZEN_MOTION = 0.5
"""Share of the motion that was asked for, under which steadiness is no merit."""
DRIFT_SECONDS = 2.0


def measure_time(scene: Scene, watched: Watched, acting: Acting) -> list[Figure]:
    """Return motion, jitter, flicker, warp error, seams and drift."""
    motion = _measure_motion(scene, acting)
    is_frozen = motion.value < FROZEN_MOTION
    steadiness = [
        _measure_jitter(scene, acting),
        _measure_flicker(scene, watched, acting),
        *_measure_warp(watched),
        _measure_seams(scene, watched),
    ]
    if is_frozen:
        spoilt = "no merit, it is frozen"
        steadiness = [replace(figure, beside=f"{figure.beside}; {spoilt}", is_spoilt=True) for figure in steadiness]
    return [motion, *steadiness, *_measure_drift(scene, watched)]


def _measure_flicker(scene: Scene, watched: Watched, acting: Acting) -> Figure:
    curves = watched.curves
    flicker = measure_static_flicker(curves["change"], measure_asked_steps(scene, acting))
    what = "while nothing is asked to move" if np.isfinite(flicker) else "the performance never stands still"
    change, take_change = mean_of_known(curves["change"]), mean_of_known(curves["take_change"])
    beside = f"{what}; over all frames {change:.2f}, the performer's face {take_change:.2f}"
    return Figure("time", "static flicker", flicker, "grey levels", beside, most=0.3)


def _measure_warp(watched: Watched) -> list[Figure]:
    warp, take_warp = (mean_of_known(watched.curves[name]) for name in ("warp", "take_warp"))
    ratio = warp / take_warp if take_warp > 0 else NAN
    figures = [
        Figure("time", "warp error", 1e4 * warp, "x 1e-4", "inside the matte, along the motion of the control"),
        Figure("time", "warp error, take", 1e4 * take_warp, "x 1e-4", "the performer's face, along the take's motion"),
        Figure("time", "warp error / take", ratio, "", "a drawing has more contrast: compare renders of one take"),
    ]
    if "truth_warp" in watched.curves:
        given, exact = (mean_of_known(watched.curves[name]) for name in ("out_by_truth", "truth_warp"))
        beside = f"{1e4 * given:.2f} and {1e4 * exact:.2f}, both along the drawing's motion; blur lowers it too"
        ratio = given / exact if exact > 0 else NAN
        figures.append(Figure("time", "warp error / exact drawing", ratio, "", beside, most=1.1))
    return figures


def _measure_seams(scene: Scene, watched: Watched) -> Figure:
    joins, curves = find_joins(scene), watched.curves
    names = ("out_by_truth", "truth_warp") if "truth_warp" in curves else ("warp", "control_warp")
    seam = measure_seam_index(curves[names[0]], joins, reference=curves[names[1]])
    beside = f"{len(joins)} joins of windows of {scene.window_frames} frames" if len(joins) else "no window joins known"
    return Figure("time", "seam index", seam, "", beside, most=1.05)


def find_joins(scene: Scene) -> np.ndarray:
    """Return (N,) the first frame of every window but the first; empty where windows are not known."""
    if scene.window_frames is None:
        return np.zeros(0, dtype=int)
    return np.arange(scene.window_frames, len(scene.track), scene.window_frames)


def find_drift_starts(scene: Scene) -> np.ndarray:
    """Return (N,) first frames of the windows, as many together as last two seconds: a blink is no drift."""
    rate = float(scene.track.times.rate_fps) or 25.0
    window = scene.window_frames or 1
    length = window * max(1, round(DRIFT_SECONDS * rate / window))
    starts = np.arange(0, len(scene.track), length)
    return starts[:-1] if len(starts) > 1 and len(scene.track) - starts[-1] < 0.5 * length else starts


def measure_asked_steps(scene: Scene, acting: Acting) -> np.ndarray:
    """Return (T,) how far the point that moves most, of face and body, was to go in a frame, eye distances."""
    asked = scene.asked
    points = np.concatenate([asked.face, asked.body[..., :2]], axis=1)
    visibility = np.nan_to_num(np.concatenate([asked.face_visibility, asked.body[..., 2]], axis=1))
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    steps[(np.minimum(visibility[1:], visibility[:-1]) < 0.5) | ~np.isfinite(steps)] = 0.0
    return np.concatenate([[NAN], steps.max(axis=1)]) / acting.eye_distance_px


def _measure_motion(scene: Scene, acting: Acting) -> Figure:
    def gain_of(faces: Faces) -> float:
        visibility = np.minimum(faces.visibility, scene.asked.face_visibility)
        return measure_motion_gain(faces.points, scene.asked.face, visibility=visibility, span=MOTION_SPAN)

    gain = gain_of(acting.faces)
    if np.isnan(gain):
        return Figure("time", "motion kept", NAN, "", "nothing was asked to move, or no face was read")
    beside = f"of the way that was asked of the points in {MOTION_SPAN} frames; 0 = frozen"
    if acting.truth_faces is not None:
        beside += f"; exact drawing {gain_of(acting.truth_faces):.2f}"
    return Figure("time", "motion kept", gain, "", beside, least=0.8, most=1.25)


def _measure_jitter(scene: Scene, acting: Acting) -> Figure:
    seconds = scene.track.times.seconds

    def jitter_of(points: np.ndarray, visibility: np.ndarray) -> float:
        jitter = measure_jitter(points, seconds, visibility=visibility, eye_distance_px=acting.eye_distance_px)
        return 100 * mean_of_known(jitter)

    faces, truth_faces = acting.faces, acting.truth_faces
    asked = jitter_of(scene.asked.face, scene.asked.face_visibility)
    beside = f"second difference of the read points, the reader's own included; asked for {asked:.2f}"
    if truth_faces is not None:
        beside += f", exact drawing {jitter_of(truth_faces.points, truth_faces.visibility):.2f}"
    return Figure("time", "jitter", jitter_of(faces.points, faces.visibility), "% of eyes", beside)


def _measure_drift(scene: Scene, watched: Watched) -> list[Figure]:
    starts = find_drift_starts(scene)
    if len(starts) < 2:
        return [Figure("time", "colour drift", NAN, "Lab", "shorter than two windows", most=1.0)]
    drift = measure_drift(watched.lab, starts)
    beside = f"largest of {len(starts)} windows from the first; a turned head counts too"
    if len(watched.truth_lab):
        beyond = measure_drift(watched.lab - watched.truth_lab, starts)
        beside = f"beyond the exact drawing's; with it {np.nanmax(drift):.2f}"
        drift = beyond
    return [Figure("time", "colour drift", float(np.nanmax(drift)), "Lab", beside, most=1.0)]
